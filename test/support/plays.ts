import { setTimeout as wait } from 'node:timers/promises';
import { createWav } from './factories.ts';
import { fileForm, signUp } from './service.ts';

const json = { 'content-type': 'application/json' };

/** A track that can be listened to, of an account of its own. */
export const publishTrack = async (url: string): Promise<number> => {
  const { token } = await signUp(url);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/v1/tracks`, {
    method: 'POST',
    headers,
    body: fileForm(createWav()),
  });
  const { data } = (await answer.json()) as { data: { id: number } };
  for (;;) {
    const read = await fetch(`${url}/api/v1/tracks/${data.id}`);
    await read.arrayBuffer();
    if (read.status === 200) return data.id;
    await wait(100);
  }
};

/** Statuses of what was asked; 0 for no answer. */
type Counts = Record<number, number>;

let listeners = 0;

/** One counted play, by a listener nobody else is. */
const play = async (url: string, track_id: number): Promise<number> => {
  listeners += 1;
  try {
    const answer = await fetch(`${url}/api/v1/tracks/${track_id}/plays`, {
      method: 'POST',
      headers: { ...json, 'user-agent': `listener ${process.pid} ${listeners}` },
      body: JSON.stringify({ listened_seconds: 60 }),
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
};

/** Plays from so many clients, each a little after its last was answered, until it is stopped. */
export const startPlays = (
  url: string,
  track_ids: readonly number[],
  { clients, pause_ms }: { clients: number; pause_ms: number },
) => {
  const counts: Counts = {};
  const stopping = new AbortController();
  const run = async (client: number): Promise<void> => {
    for (let turn = client; !stopping.signal.aborted; turn += 1) {
      const status = await play(url, track_ids[turn % track_ids.length] ?? 0);
      counts[status] = (counts[status] ?? 0) + 1;
      // Whoever is refused waits a little longer: starting takes a processor, too.
      await wait(status === 200 ? pause_ms : pause_ms + 100);
    }
  };
  const running = Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
  return {
    counts,
    async stop(): Promise<Counts> {
      stopping.abort();
      await running;
      return counts;
    },
  };
};

/** So many plays a second, whether or not those before were answered, until it is stopped. */
export const startSteadyPlays = (url: string, track_ids: readonly number[], per_second: number) => {
  const counts: Counts = {};
  const asked: Promise<void>[] = [];
  const began = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * per_second;
    while (asked.length < due) {
      const track_id = track_ids[asked.length % track_ids.length] ?? 0;
      asked.push(
        play(url, track_id).then((status) => void (counts[status] = (counts[status] ?? 0) + 1)),
      );
    }
  }, 20);
  return {
    async stop(): Promise<Counts> {
      clearInterval(timer);
      await Promise.all(asked);
      return counts;
    },
  };
};
