import type { AddressInfo } from 'node:net';
import { testApp } from './app.ts';

/** A test application that real clients reach, at a free port. */
export const listeningApp = async (options: Parameters<typeof testApp>[0] = {}) => {
  const app = await testApp(options);
  await app.http.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.http.server.address() as AddressInfo;
  return { ...app, url: `http://127.0.0.1:${port}` };
};

export type ListeningApp = Awaited<ReturnType<typeof listeningApp>>;
