package io.tensorbridge.arrow;

import java.util.List;

/** What a file or a stream holds. */
record IpcContent(ArrowSchema schema, List<ArrowBatch> batches) {}
