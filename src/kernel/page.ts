import { z } from 'zod';

const limit = z.int().min(1).max(100).default(20).describe('Rows on a page');
const page = z.int().min(1).max(1_000_000).optional().describe('Counted from 1');

export const pageFields = { page, limit };

/** A feed is paged by number or walked by cursor; an empty cursor starts the walk. */
export const feedFields = {
  ...pageFields,
  cursor: z
    .string()
    .max(512)
    .optional()
    .describe('Opaque, from `pagination.next_cursor`; empty to begin a walk'),
};

export type PageQuery = { page?: number | undefined; limit: number };
export type FeedQuery = PageQuery & { cursor?: string | undefined };

export const numberedPagination = z
  .object({
    page: z.int(),
    limit: z.int(),
    total: z.int(),
    total_pages: z.int(),
    has_next: z.boolean(),
    has_prev: z.boolean(),
  })
  .meta({ id: 'Pagination' });

export const cursorPagination = z
  .object({ limit: z.int(), has_next: z.boolean(), next_cursor: z.string().nullable() })
  .meta({ id: 'CursorPagination' });

export type NumberedPagination = z.infer<typeof numberedPagination>;
export type CursorPagination = z.infer<typeof cursorPagination>;
export type Feed<T> = { data: T[]; pagination: NumberedPagination | CursorPagination };

/** REST lifts `pagination` beside `data` in the envelope. */
export const feedOf = <T extends z.ZodType>(item: T) =>
  z.object({
    data: z.array(item),
    pagination: z.union([numberedPagination, cursorPagination]),
  });

export const paginate = ({ page = 1, limit }: PageQuery, total: number): NumberedPagination => {
  const total_pages = Math.ceil(total / limit);
  return { page, limit, total, total_pages, has_next: page < total_pages, has_prev: page > 1 };
};
