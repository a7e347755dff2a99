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
users.preferences     itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
users.updatePreferences  itself          UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
users.blocks          itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
users.block           a visitor          UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
users.unblock         a visitor          UNAUTHENTICATED  ok         ok         ok         ok         ok
rooms.list            nothing            ok               ok         ok         ok         ok         ok
rooms.mine            itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
rooms.byId            a public room      ok               ok         ok         ok         ok         ok
rooms.byId            a private room     NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
rooms.members         a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
rooms.members         a private room     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
rooms.create          a new room         UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
rooms.update          a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ACCOUNT_SUSPENDED
rooms.update          a private room     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
rooms.remove          a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
rooms.remove          a private room     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
rooms.join            a public room      UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
rooms.join            a private room     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
rooms.leave           a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
rooms.updateMember    a room member      UNAUTHENTICATED  ok         FORBIDDEN  ok         ok         ACCOUNT_SUSPENDED
rooms.removeMember    a room member      UNAUTHENTICATED  ok         FORBIDDEN  ok         ok         ok
rooms.invites         a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
rooms.createInvite    a private room     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
rooms.revokeInvite    an invite          UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
rooms.acceptInvite    an invite code     UNAUTHENTICATED  ok         ok         ok         ok         ACCOUNT_SUSPENDED
messages.history      a public room      ok               ok         ok         ok         ok         ok
messages.history      a private room     NOT_FOUND        ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
messages.send         a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ACCOUNT_SUSPENDED
messages.send         a private room     UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ACCOUNT_SUSPENDED
messages.edits        a message          UNAUTHENTICATED  ok         FORBIDDEN  ok         ok         ok
messages.edits        a hidden message   UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
messages.edit         a message          UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ACCOUNT_SUSPENDED
messages.remove       a message          UNAUTHENTICATED  ok         FORBIDDEN  ok         ok         ok
messages.remove       a hidden message   UNAUTHENTICATED  ok         NOT_FOUND  NOT_FOUND  NOT_FOUND  ok
messages.react        a message          UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ACCOUNT_SUSPENDED
messages.unreact      a message          UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
messages.pin          a message          UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ACCOUNT_SUSPENDED
messages.unpin        a message          UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
messages.markRead     a public room      UNAUTHENTICATED  ok         NOT_A_MEMBER  NOT_A_MEMBER  NOT_A_MEMBER  ok
conversations.list    itself             UNAUTHENTICATED  ok         ok         ok         ok         ok
conversations.open    a visitor to talk to  UNAUTHENTICATED  ok      ok         ok         ok         ACCOUNT_SUSPENDED
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
