package io.tensorbridge.arrow;

import java.util.List;
import java.util.Map;

/** What a file or a stream holds; of a stream, the metadata of the footer are empty. */
record IpcContent(ArrowSchema schema, List<ArrowBatch> batches,
    Map<String, String> footerMetadata) {}
