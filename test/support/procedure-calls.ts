import type { Procedure } from '#api/procedures.ts';
import type { TestApp } from './app.ts';
import { type Answer, form, http, rest, trpc } from './calls.ts';

export type Input = Record<string, string | number | boolean>;

type Ask = {
  procedure: Procedure;
  token: string | undefined;
  input: Input;
  /** For procedures that take a form. */
  file?: Buffer | undefined;
};

const pathOf = (template: string, input: Input): string =>
  template.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(String(input[name])),
  );

/** What is left of an input when the path has taken its part. */
const besidePath = (template: string, input: Input): [string, string][] =>
  Object.entries(input)
    .filter(([name]) => !template.includes(`{${name}}`))
    .map(([name, value]) => [name, String(value)]);

const overRest = (app: TestApp, { procedure, token, input, file }: Ask): Promise<Answer> => {
  const { method, path } = procedure.route;
  const url = pathOf(path, input);
  if (file) return rest(app, url, { method, token, ...form({ content: file }) });
  const beside = besidePath(path, input);
  if (method === 'GET' || method === 'DELETE') {
    const query = beside.length > 0 ? `?${new URLSearchParams(beside).toString()}` : '';
    return rest(app, url + query, { method, token });
  }
  const names = beside.map(([name]) => name);
  const body = Object.fromEntries(Object.entries(input).filter(([name]) => names.includes(name)));
  return rest(app, url, { method, token, body });
};

const overTrpc = (app: TestApp, { procedure, token, input, file }: Ask): Promise<Answer> => {
  const { path, type } = procedure;
  if (file)
    return http(app, `/trpc/${path}`, { method: 'POST', token, ...form({ content: file }) });
  return trpc(app, path, { type, token, input });
};

/** Calls any procedure by its contract, through either door. */
export const doors = { REST: overRest, tRPC: overTrpc };
export type Door = keyof typeof doors;

/** The code of a refusal; `ok` for a success. */
export const outcomeOf = ({ status, json }: Answer): string => {
  if (status < 300) return 'ok';
  return String(json?.error?.data?.code ?? json?.error?.code ?? status);
};
