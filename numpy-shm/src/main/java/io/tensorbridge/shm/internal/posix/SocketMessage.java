package io.tensorbridge.shm.internal.posix;

/**
 * What one {@code recvmsg} brought.
 *
 * @param length bytes of the message that were stored, 0 at the end, or the negated error number
 * @param fds descriptors that came with it, now open in this process
 * @param truncated whether bytes or descriptors did not fit and were dropped
 */
@SuppressWarnings("ArrayRecordComponent") // handed over once, never compared
public record SocketMessage(long length, int[] fds, boolean truncated) {}
