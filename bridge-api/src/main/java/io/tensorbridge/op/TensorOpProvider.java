package io.tensorbridge.op;

/**
 * Describes an operation for {@link java.util.ServiceLoader}; small, so that listing operations
 * loads none of their classes.
 */
public interface TensorOpProvider {
  /**
   * The name of the operation.
   *
   * @return the same as {@link TensorOp#name()}
   */
  String name();

  /**
   * What the operation does and which options it takes.
   *
   * @return one line for people
   */
  String summary();

  /**
   * Loads the operation.
   *
   * @return a new instance
   */
  TensorOp create();
}
