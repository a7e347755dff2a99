import { createOpenApiDocument } from '#api/openapi.ts';
import { createAuthRouter, createPasswordRouter } from '#modules/auth/auth.router.ts';
import {
  createChatRouter,
  createConversationsRouter,
  createMessagesRouter,
  createRoomsRouter,
} from '#modules/chat/chat.router.ts';
import { createTracksRouter } from '#modules/tracks/tracks.router.ts';
import { createUsersRouter } from '#modules/users/users.router.ts';
import { createAppRouter } from './app-router.ts';
import { readVersion } from './start.ts';

/** Whom a router calls when it is called; one that is only described is not. */
const nobody = {} as never;

/** The OpenAPI document of the application as it is written to disk; nothing is opened to make it. */
export const describeApplication = async (): Promise<string> => {
  const router = createAppRouter({
    auth: { router: createAuthRouter(nobody), passwordRouter: createPasswordRouter(nobody) },
    users: { router: createUsersRouter(nobody) },
    tracks: { router: createTracksRouter(nobody) },
    chat: {
      roomsRouter: createRoomsRouter(nobody),
      messagesRouter: createMessagesRouter(nobody),
      conversationsRouter: createConversationsRouter(nobody),
      router: createChatRouter(nobody),
    },
  });
  const document = createOpenApiDocument(router, { version: await readVersion() });
  return `${JSON.stringify(document, null, 2)}\n`;
};
