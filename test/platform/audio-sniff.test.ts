import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentTypeOf, extensionOf } from '#platform/audio/audio.ts';
import { sniffAudio, sniffBytes } from '#platform/audio/sniff.ts';
import { bytesOf, fixtures, noise, rf64 } from './audio-fixtures.ts';

const id3 = (size: number, frame = 'APIC'): Buffer => {
  const tag = Buffer.alloc(10 + size);
  tag.write('ID3\u0004', 0, 'latin1');
  for (const [place, byte] of [6, 7, 8, 9].entries()) tag[byte] = (size >> (7 * (3 - place))) & 127;
  tag.write(frame, 10, 'latin1');
  return tag;
};

const withoutId3 = (): Buffer => {
  const mp3 = bytesOf('tone.mp3');
  return mp3.subarray(mp3.indexOf(Buffer.from([0xff, 0xf3])));
};

describe('sniffAudio', () => {
  it.each(fixtures)('tells $name by its content', ({ name, format }) => {
    expect(sniffAudio(bytesOf(name).subarray(0, sniffBytes))).toBe(format);
  });

  it('takes RF64 for WAV', () => {
    expect(sniffAudio(rf64())).toBe('wav');
  });

  it('takes MPEG frames without a tag, and behind one that reaches past the head', () => {
    expect(sniffAudio(withoutId3())).toBe('mp3');
    expect(sniffAudio(Buffer.concat([id3(900), Buffer.alloc(500), withoutId3()]))).toBe('mp3');
    expect(sniffAudio(id3(2 * sniffBytes).subarray(0, sniffBytes))).toBe('mp3');
  });

  it('takes FLAC behind an ID3 tag', () => {
    expect(sniffAudio(Buffer.concat([id3(100), bytesOf('tone.flac')]))).toBe('flac');
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', noise(0)],
    ['0xFF', noise(0xff)],
    ['FF FB', Buffer.alloc(sniffBytes, Buffer.from([0xff, 0xfb]))],
    ['one MPEG frame alone', withoutId3().subarray(0, 104)],
    ['an ID3 tag that claims more than the file has', id3(sniffBytes).subarray(0, 1000)],
    [
      'an ID3 tag of 256 MiB before noise',
      Buffer.concat([Buffer.from('ID3\u0004\0\0\x7f\x7f\x7f\x7f', 'latin1'), noise(0xff)]).subarray(
        0,
        sniffBytes,
      ),
    ],
    ['HTML before MPEG frames', Buffer.concat([Buffer.from('<html><script>'), withoutId3()])],
    ['a playlist', Buffer.from('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n')],
    ['an ffmpeg concat script', Buffer.from("ffconcat version 1.0\nfile '/etc/passwd'\n")],
    ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a ZIP', Buffer.from('PK\u0003\u0004'.padEnd(64, '\0'), 'latin1')],
    ['an ELF', Buffer.from('\u007fELF\u0002\u0001\u0001'.padEnd(64, '\0'), 'latin1')],
    ['a PNG', Buffer.from('\u0089PNG\r\n\u001a\n'.padEnd(64, '\0'), 'latin1')],
    ['an AVI', Buffer.from('RIFF\0\0\0\0AVI LIST', 'latin1')],
    ['a HEIC picture', Buffer.from('\0\0\0\u0018ftypheic\0\0\0\0mif1heic', 'latin1')],
    ['a QuickTime film', Buffer.from('\0\0\0\u0014ftypqt  \0\0\0\0qt  ', 'latin1')],
    [
      'Theora in Ogg',
      Buffer.from(
        `OggS\0\u0002${'\0'.repeat(20)}\u0001\u002a\u0080theora${'\0'.repeat(33)}`,
        'latin1',
      ),
    ],
  ])('refuses %s', (_, head) => {
    expect(sniffAudio(head)).toBeUndefined();
  });

  it('never fails, whatever a known beginning is cut to or followed by', () => {
    const beginning = fc.constantFrom(...fixtures.map(({ name }) => bytesOf(name)));
    fc.assert(
      fc.property(beginning, fc.nat(200), fc.uint8Array({ maxLength: 200 }), (file, cut, tail) => {
        sniffAudio(file.subarray(0, cut));
        sniffAudio(Buffer.concat([file.subarray(0, cut), tail]));
      }),
    );
  });
});

describe('contentTypeOf', () => {
  it('tells AAC without a container from M4A when it sees the bytes', () => {
    expect(contentTypeOf('m4a')).toBe('audio/mp4');
    expect(contentTypeOf('m4a', bytesOf('tone.m4a'))).toBe('audio/mp4');
    expect(contentTypeOf('m4a', bytesOf('tone.aac'))).toBe('audio/aac');
    expect(extensionOf('m4a', bytesOf('tone.aac'))).toBe('aac');
  });
});
