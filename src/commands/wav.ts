const HEADER_BYTES = 44;
const BYTES_PER_SAMPLE = 2;

type Layout = { sample_rate: number; channels: number };

/** A WAV file of samples of 16 bits. */
export const wavOf = (samples: Buffer, { sample_rate, channels }: Layout): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  const frame_bytes = channels * BYTES_PER_SAMPLE;
  header.write('RIFF', 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + samples.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sample_rate, 24);
  header.writeUInt32LE(sample_rate * frame_bytes, 28);
  header.writeUInt16LE(frame_bytes, 32);
  header.writeUInt16LE(8 * BYTES_PER_SAMPLE, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
};
