/**
 * Who may do what, over every door. A caller's own thing is meant for `owner` and `suspended`, which is its
 * suspended owner; the thing of `owner` for all others. What is refused to the token of a banned account is
 * everything. Columns are two spaces apart or more.
 */
const table = `
procedure             on                 stranger         owner      other      moderator  admin      suspended
auth.register         a new account      ok               ok         ok         ok         ok         ok
auth.login            an account         ok               ok         ok         ok         ok         ok
auth.refresh          a refresh token    ok               ok         ok         ok         ok         ok
auth.logout           itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
auth.logoutAll        itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
auth.me               itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
auth.sessions         itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
auth.revokeSession    a session          UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
users.list            nothing            ok               ok         ok         ok         ok         ok
users.me              itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
users.updateMe        itself             UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
users.changePassword  a password         UNAUTHENTICATED  ok         ok         ok         ok         ok
users.byId            a profile          ok               ok         ok         ok         ok         ok
users.byId            a banned profile   NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND
tracks.list           nothing            ok               ok         ok         ok         ok         ok
tracks.mine           itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
tracks.byUser         a profile          ok               ok         ok         ok         ok         ok
tracks.byUser         a banned profile   NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND
tracks.byId           a public track     ok               ok         ok         ok         ok         ok
tracks.byId           an unlisted track  ok               ok         ok         ok         ok         ok
tracks.byId           a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.byId           a deleted track    NOT_FOUND        NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND
tracks.waveform       a public track     ok               ok         ok         ok         ok         ok
tracks.waveform       a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.stats          a public track     ok               ok         ok         ok         ok         ok
tracks.stats          a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.stream         a public track     ok               ok         ok         ok         ok         ok
tracks.stream         a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.download       a public track     FORBIDDEN        ok         FORBIDDEN  FORBIDDEN  FORBIDDEN  ok
tracks.download       a downloadable     ok               ok         ok         ok         ok         ok
tracks.download       a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.streamUrl      a public track     ok               ok         ok         ok         ok         ok
tracks.streamUrl      a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.recordPlay     a public track     ok               ok         ok         ok         ok         ACCOUNT_SUSPENDED
tracks.recordPlay     a private track    NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.upload         a file             UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
tracks.update         a public track     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.update         a private track    UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.update         a deleted track    UNAUTHENTICATED  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.remove         a public track     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
tracks.remove         a deleted track    UNAUTHENTICATED  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND
tracks.restore        a deleted track    UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.restore        a public track     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.reprocess      a public track     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
tracks.reprocess      a deleted track    UNAUTHENTICATED  NOT_FOUND  NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
`;

export const callers = ['stranger', 'owner', 'other', 'moderator', 'admin', 'suspended'] as const;
export type Caller = (typeof callers)[number];

export type PolicyRow = {
  procedure: string;
  on: string;
  /** `ok`, or the code of the refusal. */
  outcomes: Record<Caller, string>;
};

const [, ...lines] = table.trim().split('\n');

export const policy: PolicyRow[] = lines.map((line) => {
  const [procedure = '', on = '', ...cells] = line.split(/ {2,}/);
  const outcomes = callers.map((caller, at) => [caller, cells[at] ?? 'missing']);
  return { procedure, on, outcomes: Object.fromEntries(outcomes) as PolicyRow['outcomes'] };
});
