package io.tensorbridge.arrow.flight;

import org.apache.arrow.flight.impl.Flight;

/** The name of a table, which descriptors write as a path. */
final class TableName {
  private TableName() {}

  /**
   * The name in a descriptor.
   *
   * @throws io.grpc.StatusRuntimeException {@code INVALID_ARGUMENT} if it holds none
   */
  static String of(Flight.FlightDescriptor descriptor) {
    String name = String.join("/", descriptor.getPathList());
    if (descriptor.getType() != Flight.FlightDescriptor.DescriptorType.PATH || name.isEmpty()) {
      throw FlightErrors.invalid("a descriptor of the type " + descriptor.getType() + " with "
          + descriptor.getPathCount() + " parts of a path; a table is named by a path, for example"
          + " FlightDescriptor.for_path(\"name\"), and operations go to DoExchange");
    }
    return name;
  }

  static Flight.FlightDescriptor descriptor(String name) {
    return Flight.FlightDescriptor.newBuilder()
        .setType(Flight.FlightDescriptor.DescriptorType.PATH)
        .addPath(name)
        .build();
  }
}
