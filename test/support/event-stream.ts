import { onTestFinished } from 'vitest';

export type Streamed = { id: string | undefined; event: string | undefined; data: unknown };

const parsed = (block: string): Streamed => {
  const field = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = field('data');
  return { id: field('id'), event: field('event'), data: data ? JSON.parse(data) : undefined };
};

/** Reads a stream of server-sent events (WHATWG HTML §9.2) until it ends or is closed. */
export const openStream = async (url: string, headers: Record<string, string> = {}) => {
  const closing = new AbortController();
  onTestFinished(() => closing.abort());
  const answer = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: closing.signal,
  });
  const events: Streamed[] = [];
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += new TextDecoder().decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) events.push(parsed(block));
    }
  };
  const ended = read().catch(() => undefined);
  return { status: answer.status, events, ended, close: () => closing.abort() };
};
