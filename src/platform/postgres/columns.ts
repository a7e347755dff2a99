import { bigint, customType } from 'drizzle-orm/pg-core';

/** An instant, read and written as RFC 3339 in UTC with milliseconds. */
export const instant = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamp(3) with time zone',
  fromDriver: (written) => new Date(written).toISOString(),
});

export const identity = () => bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity();

/** A reference to a row, or a count of bytes: exact as a JSON number up to 2⁵³. */
export const big = () => bigint({ mode: 'number' });

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
