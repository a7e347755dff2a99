/** A clock that stands still until it is moved. */
export const createClock = () => {
  let at = Date.now();
  return {
    now: () => new Date(at),
    advance: (ms: number) => void (at += ms),
  };
};

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
