import { randomBytes } from 'node:crypto';
import type { TestApp } from './app.ts';
import { type Answer, rest, trpc } from './calls.ts';
import { PASSWORD } from './factories.ts';

type From = { token?: string; headers?: Record<string, string>; address?: string };

export const newName = (): string => `u${randomBytes(6).toString('hex')}`;

/** What a new account is made of, as nobody else has it. */
export const newAccount = (username = newName()) => ({
  username,
  email: `${username}@example.com`,
  password: PASSWORD,
});

const post =
  (path: string) =>
  (app: TestApp, body: object, from: From = {}): Promise<Answer> =>
    rest(app, path, { method: 'POST', body, ...from });

export const register = post('/auth/register');
export const login = post('/auth/login');

export const refresh = (app: TestApp, refresh_token: string, from: From = {}): Promise<Answer> =>
  post('/auth/refresh')(app, { refresh_token }, from);

/** Whether the session behind an access token is still there, on either door. */
export const statusesOf = async (app: TestApp, token: string): Promise<number[]> => {
  const answers = await Promise.all([
    rest(app, '/auth/me', { token }),
    trpc(app, 'auth.me', { token }),
  ]);
  return answers.map(({ status }) => status);
};

/** Status and code of a refusal. */
export const refusalOf = ({ status, json }: Answer): [number, string] => [
  status,
  json.error?.data?.code ?? json.error?.code,
];

/** The fields that a refusal names, in order. */
export const fieldsOf = ({ json }: Answer): string[] => {
  const { details } = json.error.data ?? json.error;
  return details.map(({ field }: { field: string }) => field).sort();
};
