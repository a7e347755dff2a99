/** So many rows are changed in a moment: no statement outlives its deadline, however many there are in all. */
export const STEP = 5000;

/** Repeats a change of at most STEP rows until there are fewer, and answers how many they were. */
export const inSteps = async (change: () => Promise<number>): Promise<number> => {
  for (let total = 0; ;) {
    const changed = await change();
    total += changed;
    if (changed < STEP) return total;
  }
};
