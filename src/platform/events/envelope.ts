import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
} from '@bufbuild/protobuf';
import { isReflectList, isReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { FeatureSet_FieldPresence, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { EventRecord } from '#kernel/event.ts';
import { EventEnvelopeSchema } from '#proto/veza/events/v1/envelope_pb.ts';

type Kind = { event_name: string; version: number };

/** Kinds of events, each with the message that its payload is written as. */
export type EventMessages = readonly (readonly [Kind, DescMessage])[];

/** As readers of JSON have it: numbers, instants with milliseconds. */
const plainValue = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  if (isReflectList(value)) return [...value].map(plainValue);
  if (isReflectMessage(value, TimestampSchema))
    return timestampDate(value.message as Timestamp).toISOString();
  return isReflectMessage(value) ? plainMessage(value) : value;
};

/** By the names of the definition; what is absent and may be is null. */
const plainMessage = (message: ReturnType<typeof reflect>): Record<string, unknown> =>
  Object.fromEntries(
    message.desc.fields.map((field) => {
      const isOptional = field.presence === FeatureSet_FieldPresence.EXPLICIT;
      const isAbsent = isOptional && !message.isSet(field);
      return [field.name, isAbsent ? null : plainValue(message.get(field))];
    }),
  );

const payloadBytes = (schema: DescMessage, { payload }: EventRecord): Uint8Array =>
  toBinary(schema, fromJson(schema, payload as JsonObject));

/** Events as bytes, and back. Throws for what has no message, or does not fit into it. */
export const createEnvelopes = (messages: EventMessages) => {
  const schemas = new Map(
    messages.map(([{ event_name, version }, schema]) => [`${event_name}.v${version}`, schema]),
  );
  const schemaOf = ({ name, version }: Pick<EventRecord, 'name' | 'version'>): DescMessage => {
    const schema = schemas.get(`${name}.v${version}`);
    if (!schema) throw new Error(`There is no message for ${name}.v${version}`);
    return schema;
  };
  return {
    encode(event: EventRecord): Uint8Array {
      const { id, name, version, aggregate, occurred_at, request_id: requestId } = event;
      const envelope = create(EventEnvelopeSchema, {
        id,
        name,
        version,
        aggregateType: aggregate.type,
        aggregateId: BigInt(aggregate.id),
        occurredAt: timestampFromDate(new Date(occurred_at)),
        requestId,
        payload: payloadBytes(schemaOf(event), event),
      });
      return toBinary(EventEnvelopeSchema, envelope);
    },
    decode(bytes: Uint8Array): EventRecord {
      const envelope = fromBinary(EventEnvelopeSchema, bytes);
      const { id, name, version, occurredAt, requestId: request_id, payload } = envelope;
      const schema = schemaOf({ name, version });
      return {
        id,
        name,
        version,
        aggregate: { type: envelope.aggregateType, id: Number(envelope.aggregateId) },
        occurred_at: (occurredAt ? timestampDate(occurredAt) : new Date(0)).toISOString(),
        request_id,
        payload: plainMessage(reflect(schema, fromBinary(schema, payload))),
      };
    },
  };
};

export type Envelopes = ReturnType<typeof createEnvelopes>;
