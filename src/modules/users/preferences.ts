export const themes = ['system', 'light', 'dark'] as const;
export const languages = ['en', 'fr'] as const;
export const messageSources = ['everyone', 'following', 'nobody'] as const;

export type Preferences = {
  theme: (typeof themes)[number];
  language: (typeof languages)[number];
  notifications: { in_app: boolean; email: boolean };
  privacy: {
    show_activity: boolean;
    /** Who may open a direct conversation, or write in one. */
    allow_dm: (typeof messageSources)[number];
    send_read_receipts: boolean;
    send_typing: boolean;
  };
};

/** What was changed; the rest is as it is for everybody. */
export type StoredPreferences = Partial<{
  theme: Preferences['theme'];
  language: Preferences['language'];
  notifications: Partial<Preferences['notifications']>;
  privacy: Partial<Preferences['privacy']>;
}>;

export const defaultPreferences: Preferences = {
  theme: 'system',
  language: 'en',
  notifications: { in_app: true, email: true },
  privacy: {
    show_activity: true,
    allow_dm: 'everyone',
    send_read_receipts: true,
    send_typing: true,
  },
};

/** Absent and undefined stay as they are. */
type Optional<T> = { [K in keyof T]?: T[K] | undefined };
export type PreferenceChanges = Optional<
  Pick<Preferences, 'theme' | 'language'> & {
    notifications: Optional<Preferences['notifications']>;
    privacy: Optional<Preferences['privacy']>;
  }
>;

const given = <T extends object>(changes: T | undefined): Partial<T> =>
  Object.fromEntries(
    Object.entries(changes ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<T>;

const over = <T extends object>(base: T, changes: Optional<T> | undefined): T => ({
  ...base,
  ...given(changes),
});

export const withChanges = (before: Preferences, changes: PreferenceChanges): Preferences => {
  const { notifications, privacy, ...flat } = changes;
  return {
    ...over(before, flat),
    notifications: over(before.notifications, notifications),
    privacy: over(before.privacy, privacy),
  };
};

export const preferencesOf = (stored: StoredPreferences): Preferences =>
  withChanges(defaultPreferences, stored);
