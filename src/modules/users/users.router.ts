import { anyone, member, router } from '#api/trpc.ts';
import { serialiser } from '#kernel/serialised.ts';
import type { OwnProfile, Profile } from './user.ts';
import { usersContract as c } from './users.contract.ts';
import type { UsersService } from './users.service.ts';

const present = (profile: Profile) => {
  const { id, username, display_name, bio, links, counts, version, created_at } = profile;
  return { id, username, display_name, bio, links, counts, version, created_at };
};

const presentOwn = (own: OwnProfile) => {
  const { email, role, state, storage_used_bytes, updated_at } = own;
  return { ...present(own), email, role, state, storage_used_bytes, updated_at };
};

/** A profile that is read all the time is the same object, and is written once. */
const write = serialiser(c.byId, present);

export const createUsersRouter = (users: UsersService) =>
  router({
    list: anyone(c.list).query(async ({ input }) => {
      const { data, pagination } = await users.list(input);
      return { data: data.map(present), pagination };
    }),
    me: member(c.me).query(async ({ ctx }) => presentOwn(await users.me(ctx.actor))),
    updateMe: member(c.updateMe).mutation(async ({ ctx, input }) =>
      presentOwn(await users.updateMe(ctx.actor, input, ctx)),
    ),
    preferences: member(c.preferences).query(({ ctx }) => users.preferences(ctx.actor)),
    updatePreferences: member(c.updatePreferences).mutation(({ ctx, input }) =>
      users.updatePreferences(ctx.actor, input, ctx.origin),
    ),
    blocks: member(c.blocks).query(({ ctx, input }) => users.blocks(ctx.actor, input)),
    block: member(c.block).mutation(({ ctx, input }) =>
      users.block(ctx.actor, input.id, ctx.origin),
    ),
    unblock: member(c.unblock).mutation(({ ctx, input }) =>
      users.unblock(ctx.actor, input.id, ctx.origin),
    ),
    byId: anyone(c.byId).query(async ({ input }) => write(await users.get(input.id))),
  });
