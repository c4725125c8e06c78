import type { Table } from "@manyfold/data";
import { drawFrom } from "@manyfold/data";
import type { OutOfBagMember } from "@manyfold/ensemble";
import type { BlobStore } from "@manyfold/protocol";
import { blobOf, floatsOf, inTurn } from "./blobs.ts";
import type { Trained } from "./networks.ts";

/** What each member predicted for the rows that its own key left out; redrawn, not stored. */
export async function outOfBagMembers(
  trained: readonly Trained[],
  table: Table,
  blobs: BlobStore,
): Promise<OutOfBagMember[]> {
  const reporting = trained.filter(({ result }) => result.predictions.oob !== undefined);
  return inTurn(reporting, async ({ member, spec, result }) => {
    const draw = { ...spec, earlyStopping: spec.train.earlyStopping };
    const { oob } = drawFrom(draw, table);
    const values = floatsOf(await blobOf(blobs, result.predictions.oob?.hash));
    return { member, rows: oob, values };
  });
}
