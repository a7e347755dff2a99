import type { Subscription } from '@nats-io/transport-node';
import type { Envelopes } from './envelope.ts';
import type { LiveHub } from './live.ts';
import type { NatsLink } from './nats-connection.ts';
import { SUBJECTS } from './nats-stream.ts';

type Deps = {
  link: NatsLink;
  envelopes: Envelopes;
  hub: LiveHub;
  log: { warn(facts: object, said: string): void };
};

/** Feeds the readers of this process with what is published, as long as the server is reached. */
export const followSubjects = ({ link, envelopes, hub, log }: Deps): void => {
  let subscription: Subscription | undefined;
  const hear = (fault: Error | null, data: Uint8Array): void => {
    if (fault) return hub.interrupt();
    if (!hub.hasReaders()) return;
    try {
      hub.publish(envelopes.decode(data));
    } catch (fault) {
      log.warn({ err: fault }, 'a message on an event subject is none');
    }
  };
  link.onUp((connection) => {
    subscription?.unsubscribe();
    subscription = connection.subscribe(SUBJECTS, {
      callback: (fault, message) => hear(fault, message?.data),
    });
  });
  link.onDown(hub.interrupt);
};
