import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '#modules/audit/audit.events.ts';
import { createRefusalAudit } from '#modules/audit/refusal-audit.ts';
import { createClock, MINUTE } from '#test/clock.ts';

const createAudit = (record: (event: AuditEvent) => Promise<void>) => {
  const clock = createClock();
  const warnings: object[] = [];
  const audit = createRefusalAudit({
    inTransaction: (work) => work({ audit: { record } }),
    log: { warn: (facts) => void warnings.push(facts) },
    now: clock.now,
  });
  return { audit, clock, warnings };
};

const refusal = (ip_address: string) => ({
  event_type: 'access_denied' as const,
  user_id: null,
  origin: { ip_address, user_agent: '', request_id: 'r' },
});

const collecting = () => {
  const written: AuditEvent[] = [];
  return { written, ...createAudit(async (event) => void written.push(event)) };
};

describe('refusals', () => {
  it('of one actor and type are counted by the minute', async () => {
    const { audit, clock, written } = collecting();
    audit.note(refusal('a'));
    audit.note(refusal('a'));
    audit.note({ ...refusal('a'), event_type: 'intrusion_attempt' });
    audit.note(refusal('b'));
    audit.note({ ...refusal('a'), user_id: 7 });
    audit.note({ ...refusal('b'), user_id: 7 });
    clock.advance(MINUTE);
    audit.note(refusal('a'));
    await audit.close();
    const seen = written.map(({ event_type, user_id, origin, details }) => [
      event_type,
      user_id ?? origin.ip_address,
      details?.['times'],
    ]);
    expect(seen).toEqual([
      ['access_denied', 'a', 2],
      ['intrusion_attempt', 'a', 1],
      ['access_denied', 'b', 1],
      ['access_denied', 7, 2],
      ['access_denied', 'a', 1],
    ]);
    expect(written.every(({ success }) => !success)).toBe(true);
  });

  it('past a thousand actors a minute are counted in the log', async () => {
    const { audit, written, warnings } = collecting();
    for (let actor = 0; actor < 1500; actor += 1) audit.note(refusal(`${actor}`));
    for (let turn = 0; turn < 10; turn += 1) audit.note(refusal('7'));
    await audit.close();
    expect(written).toHaveLength(1000);
    expect(written[7]?.details).toEqual({ times: 11 });
    expect(warnings).toEqual([{ lost: 500 }]);
  });

  it('that cannot be written are told of in the log, and hold nobody up', async () => {
    const fault = new Error('no database');
    const { audit, warnings } = createAudit(() => Promise.reject(fault));
    audit.note(refusal('a'));
    audit.note(refusal('b'));
    await audit.close();
    expect(warnings).toEqual([{ err: fault, lost: 2 }]);
  });
});
