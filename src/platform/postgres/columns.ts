import { bigint, customType } from 'drizzle-orm/pg-core';

/** `2026-01-15 10:30:00.5+00`, as PostgreSQL writes it where the time zone is UTC, without the cost of a Date. */
const fromPostgres = (written: string): string => {
  if (!written.endsWith('+00') || written[10] !== ' ') return new Date(written).toISOString();
  const fraction = written.slice(20, -3).padEnd(3, '0');
  return `${written.slice(0, 10)}T${written.slice(11, 19)}.${fraction}Z`;
};

/** An instant, read and written as RFC 3339 in UTC with milliseconds. */
export const instant = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamp(3) with time zone',
  fromDriver: fromPostgres,
});

export const identity = () => bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity();

/** A reference to a row, or a count of bytes: exact as a JSON number up to 2⁵³. */
export const big = () => bigint({ mode: 'number' });

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
