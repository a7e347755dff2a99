import type { PgBoss } from 'pg-boss';
import { sharedErrors } from '#kernel/errors.ts';

type JobState = 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';

type JobKey = { name: string; id: string };

/** A job as administrators see it. */
export type JobRecord = JobKey & {
  state: JobState;
  data: object;
  /** Null as long as it told nothing. */
  progress_percent: number | null;
  retry_count: number;
  created_at: string;
  completed_at: string | null;
  /** Why the last try failed; null when it did not. */
  last_error: string | null;
};

const columns = `name, id, state::text, data,
  (output->>'progress_percent')::real as progress_percent, retry_count,
  created_on as created_at, completed_on as completed_at,
  case when state in ('failed', 'retry') then output->>'message' end as last_error`;

type Row = Omit<JobRecord, 'created_at' | 'completed_at'> & {
  created_at: Date;
  completed_at: Date | null;
};

const recordOf = ({ created_at, completed_at, ...row }: Row): JobRecord => ({
  ...row,
  created_at: created_at.toISOString(),
  completed_at: completed_at?.toISOString() ?? null,
});

const unfinished: readonly JobState[] = ['created', 'retry', 'active'];

const isUuid = (id: string): boolean => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

export interface JobAdministration {
  find(job: JobKey): Promise<JobRecord>;
  /** Jobs whose last try has failed, the latest first. They are kept for seven days. */
  deadLetters(list: { limit: number }): Promise<JobRecord[]>;
  /** Tries a dead letter again. */
  retry(job: JobKey): Promise<void>;
  /** Stops a job that waits or runs, in whichever process it does. */
  cancel(job: JobKey): Promise<void>;
  /** How many jobs of each kind wait. */
  waiting(): Promise<{ name: string; jobs: number }[]>;
  note(job: JobKey, percent: number): Promise<void>;
}

/** Looks at jobs and changes what becomes of them. */
export const createJobAdministration = (boss: PgBoss): JobAdministration => {
  const ask = async (statement: string, values: unknown[]): Promise<object[]> =>
    (await boss.getDb().executeSql(statement, values)).rows;
  const find = async ({ name, id }: JobKey): Promise<JobRecord> => {
    const statement = `select ${columns} from pgboss.job where name = $1 and id = $2`;
    const [row] = isUuid(id) ? await ask(statement, [name, id]) : [];
    if (!row) throw sharedErrors.notFound();
    return recordOf(row as Row);
  };
  return {
    find,
    async deadLetters({ limit }) {
      const rows = await ask(
        `select ${columns} from pgboss.job where state = 'failed'
         order by completed_on desc, id desc limit $1`,
        [limit],
      );
      return rows.map((row) => recordOf(row as Row));
    },
    async retry({ name, id }) {
      const { state } = await find({ name, id });
      if (state !== 'failed') throw sharedErrors.notFound();
      await boss.retry(name, id);
    },
    async cancel({ name, id }) {
      const { state } = await find({ name, id });
      if (!unfinished.includes(state)) throw sharedErrors.notFound();
      await boss.cancel(name, id);
    },
    async waiting() {
      const rows = await ask(
        `select name, count(*)::int as jobs from pgboss.job
         where state in ('created', 'retry') group by name`,
        [],
      );
      return rows as { name: string; jobs: number }[];
    },
    async note({ name, id }, percent) {
      await ask(
        `update pgboss.job set output = jsonb_build_object('progress_percent', $3::real)
         where name = $1 and id = $2 and state = 'active'`,
        [name, id, percent],
      );
    },
  };
};
