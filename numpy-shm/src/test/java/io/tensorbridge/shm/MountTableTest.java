package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.shm.internal.posix.OpenFile;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MountTableTest {
  private static final MountTable TABLE =
      new MountTable(
          List.of(
              "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard",
              "36 27 0:45 / /home/me/far rw,nosuid shared:7 master:1 - fuse.sshfs me@far:/ rw,user_id=0",
              "37 27 0:46 /a\\040b /mnt/a\\040b rw - fuse model rw",
              "38 27 8:1 / /windows rw - fuseblk /dev/sda1 rw",
              "39 27 0:47 / /sys/fs/fuse/connections rw - fusectl fusectl rw",
              "a line that is none"));

  private static OpenFile file(long mountId, int major, int minor) {
    return new OpenFile(0, 0x8000 | 0644, 1, 512, mountId, major, minor);
  }

  @Test
  void aFileIsFoundByItsMount() {
    assertThat(TABLE.typeOf(file(27, 99, 99))).contains("ext4");
    assertThat(TABLE.typeOf(file(36, 254, 0))).contains("fuse.sshfs");
    assertThat(TABLE.typeOf(file(37, 0, 46))).contains("fuse");
  }

  @Test
  void aFileOfAnotherMountIsFoundByItsDevice() {
    assertThat(TABLE.typeOf(file(1234, 254, 0))).contains("ext4");
    assertThat(TABLE.typeOf(file(OpenFile.NO_MOUNT_ID, 0, 45))).contains("fuse.sshfs");
  }

  @Test
  void whatIsNotMountedHereIsNotFound() {
    assertThat(TABLE.typeOf(file(1234, 0, 99))).isEmpty();
    assertThat(new MountTable(List.of()).typeOf(file(27, 254, 0))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"fuse", "fuse.sshfs", "fuse.rclone", "fuseblk"})
  void whatAProcessServesIsRefused(String type) {
    assertThatThrownBy(() -> FileCheck.requireTrusted("region 3", Optional.of(type)))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNSEALED_REGION))
        .hasMessageContaining("region 3")
        .hasMessageContaining(type)
        .hasMessageContaining("copy the bytes into a sealed region");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "btrfs", "overlay", "nfs4", "fusectl", "virtiofs"})
  void otherFileSystemsAreTaken(String type) {
    assertThatCode(() -> FileCheck.requireTrusted("region 3", Optional.of(type)))
        .doesNotThrowAnyException();
  }

  @Test
  void anUnknownFileSystemIsRefused() {
    assertThatThrownBy(() -> FileCheck.requireTrusted("region 3", Optional.empty()))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("has not mounted");
  }
}
