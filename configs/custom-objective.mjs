/**
 * k nearest neighbours, weighted by distance: a trainable that has nothing to do with networks. A
 * search calls it with a setting and the rows of a fold, and minimises what it returns.
 *
 * @param {{ k: number, weight: "equal" | "inverse" | "gaussian", width?: number, power: number }} params
 * @param {import("@manyfold/workers").ObjectiveContext} context
 */
export function neighbours(params, { data: { train, validation, inputs } }) {
  const weightOf = {
    equal: () => 1,
    inverse: (distance) => 1 / (distance + 1e-9),
    gaussian: (distance) => Math.exp(-((distance / params.width) ** 2) / 2),
  }[params.weight];
  let [squared, absolute] = [0, 0];
  for (let row = 0; row < validation.rows; row++) {
    const at = validation.x.subarray(row * inputs, (row + 1) * inputs);
    const near = Array.from({ length: train.rows }, (_, other) => {
      let sum = 0;
      for (let i = 0; i < inputs; i++) {
        sum += Math.abs(at[i] - train.x[other * inputs + i]) ** params.power;
      }
      return { distance: sum ** (1 / params.power), value: train.y[other] };
    })
      .sort((a, b) => a.distance - b.distance)
      .slice(0, params.k);
    let [total, weights] = [0, 0];
    for (const { distance, value } of near) {
      const weight = weightOf(distance) + 1e-12;
      total += weight * value;
      weights += weight;
    }
    const error = total / weights - validation.y[row];
    squared += error * error;
    absolute += Math.abs(error);
  }
  return { value: Math.sqrt(squared / validation.rows), mae: absolute / validation.rows };
}
