import { z } from 'zod';
import { sharedErrors } from '#kernel/errors.ts';
import { id, text, timestamp } from '#kernel/fields.ts';
import { route } from '#kernel/route.ts';
import { ownProfile, registrationRefusals, username } from '#modules/users/users.contract.ts';
import { authErrors } from './session.ts';

const tag = 'auth';

const email = z.email('Invalid email format').max(254);
const password = text(1, 256);
const newPassword = text(8, 256)
  .regex(/[!@#$%^&*]/, 'Needs at least one of ! @ # $ % ^ & *')
  .describe('Not a common one, and without the username or the e-mail name in it');
const deviceToken = z
  .string()
  .max(200)
  .optional()
  .describe(
    'Answered with an earlier session: sign-in from this device cannot be slowed by strangers',
  );

const tokens = z.object({
  access_token: z.string(),
  refresh_token: z.string().describe('Single use; answered anew with each refresh'),
  token_type: z.literal('Bearer'),
  expires_in: z.int().describe('Seconds the access token lives'),
});

export const signedIn = tokens
  .extend({ user: ownProfile, device_token: z.string() })
  .meta({ id: 'SignedIn' });

const session = z
  .object({
    id: id(),
    device: z.string().describe('The user agent it was opened with'),
    ip_address: z.string(),
    created_at: timestamp(),
    last_used_at: timestamp(),
    expires_at: timestamp(),
    current: z.boolean().describe('Whether this is the session of the call'),
  })
  .meta({ id: 'Session' });

const none = z.strictObject({}).prefault({});
const ended = z.object({ ended_sessions: z.int() }).meta({ id: 'EndedSessions' });

const login = z
  .strictObject({
    email: email.optional(),
    username: text(1, 50).optional(),
    password,
    device_token: deviceToken,
  })
  .refine(({ email, username }) => (email === undefined) !== (username === undefined), {
    path: ['email'],
    message: 'Give either the e-mail address or the username',
  });

export const authContract = {
  register: route({
    method: 'POST',
    path: '/auth/register',
    tag,
    summary: 'Create an account and sign in',
    caller: 'anyone',
    status: 201,
    message: 'Welcome to Veza',
    errors: [...registrationRefusals, sharedErrors.rateLimited],
    limit: { name: 'register', by: 'address' },
    batchable: false,
    secret: true,
    example: { input: { username: 'ana', email: 'ana@example.com', password: 'correct horse!' } },
    input: z.strictObject({ username, email, password: newPassword }),
    output: signedIn,
  }),
  login: route({
    method: 'POST',
    path: '/auth/login',
    tag,
    summary: 'Sign in with e-mail address or username',
    caller: 'anyone',
    errors: [authErrors.invalidCredentials, authErrors.banned, sharedErrors.rateLimited],
    limit: {
      name: 'login',
      by: 'address',
      account: ({ email, username }: z.output<typeof login>) =>
        (email ?? username ?? '').toLowerCase(),
    },
    batchable: false,
    secret: true,
    example: { input: { email: 'ana@example.com', password: 'correct horse!' } },
    input: login,
    output: signedIn,
  }),
  refresh: route({
    method: 'POST',
    path: '/auth/refresh',
    tag,
    summary: 'Exchange a refresh token for new tokens',
    description:
      'The token is used up. Within ten seconds its holder may ask again and gets the same answer; any other re-use ends the session.',
    caller: 'anyone',
    errors: [authErrors.tokenExpired, authErrors.tokenReused, sharedErrors.unauthenticated],
    batchable: false,
    secret: true,
    input: z.strictObject({ refresh_token: text(1, 4096) }),
    output: tokens.meta({ id: 'Tokens' }),
  }),
  logout: route({
    method: 'POST',
    path: '/auth/logout',
    tag,
    summary: 'End this session',
    caller: 'member',
    input: none,
    output: ended,
  }),
  logoutAll: route({
    method: 'POST',
    path: '/auth/logout-all',
    tag,
    summary: 'End every session of yours',
    caller: 'member',
    input: none,
    output: ended,
  }),
  me: route({
    method: 'GET',
    path: '/auth/me',
    tag,
    summary: 'Who you are, and what you may do',
    caller: 'member',
    input: none,
    output: z
      .object({ user: ownProfile, session, permissions: z.array(z.string()) })
      .meta({ id: 'Me' }),
  }),
  sessions: route({
    method: 'GET',
    path: '/auth/sessions',
    tag,
    summary: 'List your sessions',
    caller: 'member',
    input: none,
    output: z.array(session),
  }),
  revokeSession: route({
    method: 'DELETE',
    path: '/auth/sessions/{id}',
    tag,
    summary: 'End one of your sessions',
    caller: 'member',
    errors: [sharedErrors.notFound],
    input: z.strictObject({ id: id() }),
    output: ended,
  }),
};

/** Of the users' area, since it is found under `/users/me`; kept here, since it is about signing in. */
export const passwordContract = {
  changePassword: route({
    method: 'PUT',
    path: '/users/me/password',
    tag: 'users',
    summary: 'Change your password',
    description: 'Ends every session, this one too, and answers a new one.',
    caller: 'member',
    suspended: 'allowed',
    batchable: false,
    secret: true,
    errors: [authErrors.invalidCredentials],
    input: z.strictObject({ current_password: password, new_password: newPassword }),
    output: signedIn,
  }),
};
