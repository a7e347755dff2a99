import { mergeRouters, router } from '#api/trpc.ts';
import type { createAuthRouter, createPasswordRouter } from '#modules/auth/auth.router.ts';
import type {
  createChatRouter,
  createConversationsRouter,
  createMessagesRouter,
  createRoomsRouter,
} from '#modules/chat/chat.router.ts';
import type { createTracksRouter } from '#modules/tracks/tracks.router.ts';
import type { createUsersRouter } from '#modules/users/users.router.ts';

type Modules = {
  auth: {
    router: ReturnType<typeof createAuthRouter>;
    passwordRouter: ReturnType<typeof createPasswordRouter>;
  };
  users: { router: ReturnType<typeof createUsersRouter> };
  tracks: { router: ReturnType<typeof createTracksRouter> };
  chat: {
    roomsRouter: ReturnType<typeof createRoomsRouter>;
    messagesRouter: ReturnType<typeof createMessagesRouter>;
    conversationsRouter: ReturnType<typeof createConversationsRouter>;
    router: ReturnType<typeof createChatRouter>;
  };
};

export const createAppRouter = ({ auth, users, tracks, chat }: Modules) =>
  router({
    auth: auth.router,
    users: mergeRouters(users.router, auth.passwordRouter),
    tracks: tracks.router,
    rooms: chat.roomsRouter,
    messages: chat.messagesRouter,
    conversations: chat.conversationsRouter,
    chat: chat.router,
  });

/** What typed clients know of this service: it names no adapter, so that they need none of their types. */
export type AppRouter = ReturnType<typeof createAppRouter>;
