{
  const MINUS = "\u2212";

  /** A number for people: `digits` significant ones, a true minus, powers of ten as such. */
  function short(x, digits = 3) {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "undefined" : x > 0 ? "beyond all bounds" : `${MINUS}∞`;
    const size = Math.abs(x);
    if (size === 0) return "0";
    if (size >= 1e-3 && size < 1e4) return String(Number(x.toPrecision(digits))).replace("-", MINUS);
    const [head, power] = x.toExponential(Math.max(digits - 2, 0)).split("e");
    const raised = [...String(Number(power))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"["0123456789".indexOf(c)] ?? "⁻").join("");
    return Number(head) === 1 ? `10${raised}` : `${head.replace("-", MINUS)} · 10${raised}`;
  }
  /** A number with a fixed count of decimals; equal up to rounding are equal in words. */
  const fixed = (x, decimals = 2) =>
    Number.isFinite(x) ? Number(x.toPrecision(12)).toFixed(decimals).replace("-", MINUS) : short(x);
  /** The same as a factor. */
  const factor = (x, decimals = 3) => (x < 0 ? `(${fixed(x, decimals)})` : fixed(x, decimals));
  Object.assign(figures.parts, { short, fixed, factor });
}
