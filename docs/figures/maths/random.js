{
  /** Normal draws that are the same in every browser: Marsaglia's xorshift in 32 bits, then Box and Muller. */
  function normals(seed) {
    let x = (seed * 2654435761 + 1) >>> 0;
    const uniform = () => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return ((x >>> 0) + 0.5) / 4294967296;
    };
    for (let i = 0; i < 8; i++) uniform();
    return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  Object.assign(figures.maths, { normals });
}
