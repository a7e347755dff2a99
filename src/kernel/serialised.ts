import type { z } from 'zod';
import type { Route } from './route.ts';

/**
 * An answer that was checked against its contract and written as JSON when it was made, so that it can be
 * kept and sent again: doors put the text between the parts they write themselves.
 */
export class Serialised {
  readonly json: string;
  /** Of the entity tag, where the route has one. */
  readonly version: number | undefined;

  constructor(json: string, version: number | undefined) {
    this.json = json;
    this.version = version;
  }

  toJSON(): unknown {
    return JSON.parse(this.json);
  }
}

/** Checks what a procedure answers; that it does not fit is a bug of ours. */
export const checkedOutput = <O extends z.ZodType>(
  { output }: Pick<Route<z.ZodType, O>, 'output'>,
  value: unknown,
): z.output<O> => {
  const checked = output.safeParse(value);
  if (checked.success) return checked.data;
  throw new Error('The output is not what the contract says', { cause: checked.error });
};

const serialise = <O extends z.ZodType>(
  route: Route<z.ZodType, O>,
  value: z.input<O>,
): Serialised => {
  const output = checkedOutput(route, value);
  return new Serialised(JSON.stringify(output), route.version?.(output as never));
};

/**
 * Writes each value once: the same object, as a cache hands it out, is answered by the text that was made of it
 * the first time. To the types of a procedure it is what it stands for; every door knows how to send it.
 */
export const serialiser = <T extends object, O extends z.ZodType>(
  route: Route<z.ZodType, O>,
  present: (value: T) => z.input<O>,
): ((value: T) => z.input<O>) => {
  const written = new WeakMap<T, Serialised>();
  return (value) => {
    const before = written.get(value);
    const answer = before ?? serialise(route, present(value));
    if (!before) written.set(value, answer);
    return answer as z.input<O>;
  };
};
