/** The present, as a port: tests move it. */
export type Clock = () => Date;
