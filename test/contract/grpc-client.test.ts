import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { createVezaServices, VezaError } from '../../src/grpc-client/grpc-client.ts';

it('leaves nothing on the signal of a stream that did not begin', async () => {
  const services = createVezaServices({ address: 'localhost:1', timeout_ms: 500 });
  const { signal } = new AbortController();
  const opening = services.stream.subscribeToStreamEvents({}, { signal });
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await expect(opening).rejects.toBeInstanceOf(VezaError);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  services.close();
});
