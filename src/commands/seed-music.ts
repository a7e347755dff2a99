import { wavOf } from './wav.ts';

const RATE = 22_050;
const BYTES_PER_SAMPLE = 2;

/** Semitones above the key note, for a beat each. */
export type Tune = { key_hz: number; beats_per_minute: number; steps: readonly number[] };

const pitch = ({ key_hz }: Tune, step: number): number => key_hz * 2 ** (step / 12);

/** A plucked tone: it begins loud, with two overtones, and dies away. */
const pluck = (hz: number, seconds: number): number => {
  const turn = 2 * Math.PI * hz * seconds;
  const tone = Math.sin(turn) + 0.4 * Math.sin(2 * turn) + 0.15 * Math.sin(3 * turn);
  return tone * Math.exp(-3 * seconds) * 0.5;
};

const sampleAt = (tune: Tune, index: number): number => {
  const beat_seconds = 60 / tune.beats_per_minute;
  const seconds = index / RATE;
  const beat = Math.floor(seconds / beat_seconds);
  const hz = pitch(tune, tune.steps[beat % tune.steps.length] ?? 0);
  const bass = pitch(tune, tune.steps[0] ?? 0) / 4;
  return pluck(hz, seconds - beat * beat_seconds) + 0.2 * Math.sin(2 * Math.PI * bass * seconds);
};

/** Plays a tune twice into a WAV file: mono, 16 bits. The same tune gives the same bytes. */
export const play = (tune: Tune): Buffer => {
  const seconds = (2 * tune.steps.length * 60) / tune.beats_per_minute;
  const samples = Buffer.alloc(Math.floor(seconds * RATE) * BYTES_PER_SAMPLE);
  for (let index = 0; index * BYTES_PER_SAMPLE < samples.length; index += 1) {
    const value = Math.max(-1, Math.min(1, sampleAt(tune, index)));
    samples.writeInt16LE(Math.round(value * 32_767), index * BYTES_PER_SAMPLE);
  }
  return wavOf(samples, { sample_rate: RATE, channels: 1 });
};
