"use strict";
// SHA-256 (FIPS 180-4) of a text, in hexadecimal digits. The browser's own is missing on static hosts without TLS.
const sha256 = (() => {
  const roots = [];
  for (let n = 2; roots.length < 64; n++) {
    if (!roots.some(([prime]) => n % prime === 0)) roots.push([n, n ** (1 / 3), n ** (1 / 2)]);
  }
  const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
  const constants = roots.map(([, cubic]) => fraction(cubic));
  const initial = roots.slice(0, 8).map(([, , square]) => fraction(square));
  const turn = (x, n) => (x >>> n) | (x << (32 - n));

  function padded(text) {
    const bytes = new TextEncoder().encode(text);
    const blocks = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
    blocks.set(bytes);
    blocks[bytes.length] = 0x80;
    const view = new DataView(blocks.buffer);
    view.setUint32(blocks.length - 8, Math.floor(bytes.length / 2 ** 29));
    view.setUint32(blocks.length - 4, (bytes.length * 8) >>> 0);
    return view;
  }

  return (text) => {
    const view = padded(text);
    const state = [...initial];
    const w = new Array(64);
    for (let start = 0; start < view.byteLength; start += 64) {
      for (let i = 0; i < 16; i++) w[i] = view.getInt32(start + 4 * i);
      for (let i = 16; i < 64; i++) {
        const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const one = (h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i]) | 0;
        const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] = (state[i] + value) | 0));
    }
    return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  };
})();
