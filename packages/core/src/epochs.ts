/** The epochs of a training, whatever its steps are. */
export interface Epochs {
  /**
   * Runs the steps of an epoch and gives their mean loss over rows, penalties excluded; stops at the
   * first loss that is not finite and gives that; null when cancelled.
   */
  readonly run: (epoch: number) => number | null;
  /** To be told the loss that each epoch ended with, where anything listens. */
  readonly observe: ((loss: number) => void) | undefined;
  /** The learning rate of the last step; 1 where line searches find its length. */
  readonly rate: () => number;
  /** Whether there is nothing left to gain, asked after each epoch. */
  readonly ended?: () => boolean;
}
