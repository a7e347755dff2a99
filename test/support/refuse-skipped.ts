import type { Reporter, TestModule } from 'vitest/node';

const skippedIn = (modules: readonly TestModule[]): string[] =>
  modules.flatMap(({ children, relativeModuleId }) =>
    [...children.allTests('skipped')].map(({ fullName }) => `${relativeModuleId} > ${fullName}`),
  );

/** With REQUIRE_ALL_SUITES set, a test that was skipped is a failure: nothing it needs may be missing. */
export const refuseSkipped: Reporter = {
  onTestRunEnd(modules) {
    if (!process.env['REQUIRE_ALL_SUITES']) return;
    const skipped = skippedIn(modules);
    if (skipped.length === 0) return;
    process.stderr.write(`Skipped, and must not be:\n${skipped.join('\n')}\n`);
    process.exitCode = 1;
  },
};
