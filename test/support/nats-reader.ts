import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { fromBinary } from '@bufbuild/protobuf';
import { EventEnvelopeSchema } from '#proto/veza/events/v1/envelope_pb.ts';

export type Message = {
  subject: string;
  id: string;
  name: string;
  aggregate: string;
  request_id: string;
  message_id: string;
};

/** Everything that is in the stream, as another service reads it that knows the envelope only. */
export const readStream = async (url: string): Promise<Message[]> => {
  const connection = await connect({ servers: url });
  try {
    const consumer = await jetstream(connection).consumers.get('VEZA');
    const { num_pending } = await consumer.info();
    const found: Message[] = [];
    if (num_pending === 0) return found;
    for await (const message of await consumer.consume({ max_messages: 1000 })) {
      const envelope = fromBinary(EventEnvelopeSchema, message.data);
      const { id, name, aggregateType, aggregateId, requestId: request_id } = envelope;
      const message_id = message.headers?.get('Nats-Msg-Id') ?? '';
      const aggregate = `${aggregateType}:${aggregateId}`;
      found.push({ subject: message.subject, id, name, aggregate, request_id, message_id });
      if (found.length >= num_pending) break;
    }
    return found;
  } finally {
    await connection.close();
  }
};

/** Sends a message of the stream again, as whoever forgot that it had been sent. */
export const resend = async (url: string, id: string, times: number): Promise<void> => {
  const connection = await connect({ servers: url });
  try {
    const client = jetstream(connection);
    const consumer = await client.consumers.get('VEZA');
    for await (const { subject, data } of await consumer.consume({ max_messages: 1000 })) {
      if (fromBinary(EventEnvelopeSchema, data).id !== id) continue;
      for (let time = 0; time < times; time += 1) await client.publish(subject, data);
      break;
    }
  } finally {
    await connection.close();
  }
};
