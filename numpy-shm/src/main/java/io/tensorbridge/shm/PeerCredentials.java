package io.tensorbridge.shm;

/**
 * Who is at the other end of a socket, as the kernel saw it when the connection was made.
 *
 * @param pid the process, 0 if it is outside this PID namespace
 * @param uid its effective user
 * @param gid its effective group
 */
public record PeerCredentials(int pid, int uid, int gid) {}
