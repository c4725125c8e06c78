/** A BLAS that is looked for. */
export type LibraryName = "openblas" | "mkl" | "accelerate";

/** What a library is called and how it is made to compute in its caller's thread alone. */
export interface LibraryRule {
  readonly title: string;
  /** File names, as the system's loader finds them, or whole paths; by platform. */
  readonly files: { readonly [platform: string]: readonly string[] };
  /**
   * C functions without a result that are called once, where the library has them, before the first
   * product: one BLAS thread for each of ours.
   */
  readonly calls: readonly (readonly [name: string, argument: number])[];
  /** A C function that says what the library is made for, as a string. */
  readonly about?: string;
}

export const LIBRARIES: { readonly [L in LibraryName]: LibraryRule } = {
  accelerate: {
    title: "Accelerate",
    files: { darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate"] },
    // BLAS_THREADING_SINGLE_THREADED, from macOS 15 on.
    calls: [["BLASSetThreading", 1]],
  },
  openblas: {
    title: "OpenBLAS",
    files: {
      linux: ["libopenblas.so.0", "libopenblas.so"],
      darwin: [
        "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
        "/usr/local/opt/openblas/lib/libopenblas.dylib",
        "libopenblas.dylib",
      ],
      win32: ["libopenblas.dll", "openblas.dll"],
    },
    calls: [["openblas_set_num_threads", 1]],
    about: "openblas_get_config",
  },
  mkl: {
    title: "MKL",
    files: {
      linux: ["libmkl_rt.so.2", "libmkl_rt.so"],
      darwin: ["libmkl_rt.2.dylib", "libmkl_rt.dylib"],
      win32: ["mkl_rt.2.dll", "mkl_rt.dll"],
    },
    // MKL_THREADING_SEQUENTIAL.
    calls: [
      ["MKL_Set_Threading_Layer", 1],
      ["MKL_Set_Num_Threads", 1],
    ],
  },
};

/** Where to get one, in a line. */
export const HELP =
  "Install one: Debian and Ubuntu `apt install libopenblas0`, Fedora `dnf install openblas`, " +
  "macOS `brew install openblas` (Accelerate is there already), or Intel's MKL on the loader's path. " +
  "Without one, leave --backend out: the WebAssembly kernels need nothing.";
