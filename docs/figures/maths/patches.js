{
  // A small image, a grey value from 0 to 9 for each pixel, and kernels of 3 x 3.
  const IMAGE = [
    [1, 1, 1, 1, 1, 1, 1],
    [1, 1, 2, 8, 9, 9, 8],
    [1, 1, 1, 8, 9, 9, 9],
    [0, 1, 1, 7, 9, 8, 9],
    [1, 2, 3, 4, 6, 7, 7],
    [1, 1, 2, 2, 1, 1, 1],
    [0, 1, 1, 1, 1, 1, 0],
  ];
  const KERNELS = {
    edge: [
      [-1, 0, 1],
      [-1, 0, 1],
      [-1, 0, 1],
    ],
    level: [
      [-1, -1, -1],
      [0, 0, 0],
      [1, 1, 1],
    ],
    spot: [
      [-1, -1, -1],
      [-1, 8, -1],
      [-1, -1, -1],
    ],
    mean: [
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ],
  };

  /** The patch of 3 x 3 whose upper left pixel is at (row, column), as a list of 9. */
  const patch = (image, row, column) => [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => image[row + i][column + j]));

  /** All patches, one row each: the matrix that makes a convolution one product. */
  const patches = (image) =>
    image.slice(2).flatMap((_, row) => image[0].slice(2).map((_, column) => patch(image, row, column)));

  /** The convolution without padding, as that product. */
  function convolved(image, kernel) {
    const [flat, width] = [kernel.flat(), image[0].length - 2];
    const values = patches(image).map((p) => p.reduce((sum, x, k) => sum + x * flat[k], 0));
    return image.slice(2).map((_, row) => values.slice(row * width, (row + 1) * width));
  }
  Object.assign(figures.maths, { IMAGE, KERNELS, patch, patches, convolved });
}
