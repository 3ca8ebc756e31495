/*
 * tensorbridge.h - a client of a Tensorbridge server in one C11 header, without dependencies.
 *
 * Shares tensors with the server through memory and runs batches of operations on them. It is
 * written from the pages of spec/ alone. In one source file:
 *
 *     #define _GNU_SOURCE
 *     #define TENSORBRIDGE_IMPLEMENTATION
 *     #include "tensorbridge.h"
 *
 * A client is used by one thread at a time. Functions return 0, or -1 after a failure; tb_error()
 * then tells why, for people. Structures are for reading; tb_close() and tb_region_free() release
 * what they hold.
 *
 *     tb_client client;
 *     tb_region region;
 *     tb_connect(&client, "/run/user/1000/tb.sock");
 *     tb_region_create(&client, &region, 1 << 20, TB_READWRITE);
 *     ... fill region.data, describe a batch ...
 *     tb_run(&client, &batch);
 */
#ifndef TENSORBRIDGE_H
#define TENSORBRIDGE_H

#include <stddef.h>
#include <stdint.h>

enum { TB_MAX_RANK = 64, TB_MAX_OUTPUTS = 4, TB_RING_ENTRIES = 8, TB_ALIGNMENT = 64 };

/* What the server may do with a region. */
enum { TB_READ = 1, TB_READWRITE = 2 };

/* Some codes of errors.md. */
enum { TB_OK = 0, TB_NEEDS_SPACE = 404 };

/* Codes of dtypes; see tensor-descriptor.md. */
enum { TB_U8 = 6, TB_F16 = 10, TB_BF16 = 11, TB_F32 = 12, TB_F64 = 13 };

/* Shared memory: a sealed memfd, mapped here and by the server. */
typedef struct {
  uint32_t id;
  uint32_t generation;
  int fd;
  unsigned char *data;
  uint64_t byte_length;
} tb_region;

/* A row-major tensor in a region. */
typedef struct {
  const tb_region *region;
  uint64_t byte_offset;
  uint8_t dtype;
  uint8_t rank;
  int64_t dims[TB_MAX_RANK];
} tb_tensor;

/* One output as the operation plans it. */
typedef struct {
  uint8_t dtype;
  uint8_t rank;
  int64_t dims[TB_MAX_RANK];
  uint64_t byte_length;
} tb_output_plan;

/* One input, its outputs, and what came of it. */
typedef struct {
  tb_tensor input;
  uint32_t output_count;
  tb_tensor outputs[TB_MAX_OUTPUTS]; /* in readwrite regions, aligned to TB_ALIGNMENT */
  uint32_t code;                     /* result: TB_OK or an error code */
  char text[200];                    /* result: why it failed */
  unsigned char value[32];           /* result: the small result of the operation */
  uint32_t planned_count;            /* result of tb_plan */
  tb_output_plan planned[TB_MAX_OUTPUTS];
} tb_item;

/* One operation on many items. */
typedef struct {
  const char *operation;
  const char *options; /* lines of key=value, each ended by a line feed; may be "" */
  tb_item *items;
  uint32_t item_count;
} tb_batch;

/* A connection to a server. */
typedef struct {
  int socket_fd;
  int server_bell;
  int client_bell;
  int control_fd;
  unsigned char *control;
  uint32_t next_request;
  uint32_t next_region;
  uint32_t submitted;
  uint32_t taken;
  uint64_t next_batch;
  uint64_t max_block_bytes;
  tb_region work; /* blocks and status areas */
} tb_client;

/* Why the last call of this thread failed. */
const char *tb_error(void);

/* Joins the server that listens at a path. */
int tb_connect(tb_client *client, const char *path);

/* Ends the connection; regions of the caller stay mapped here until they are freed. */
void tb_close(tb_client *client);

/* Creates, maps, seals and registers zeroed memory. */
int tb_region_create(tb_client *client, tb_region *region, uint64_t byte_length, uint32_t access);

/* Unmaps a region here; the server unmaps it with the connection. */
void tb_region_free(tb_region *region);

/* A row-major tensor at an offset of a region. */
tb_tensor tb_tensor_at(const tb_region *region, uint64_t byte_offset, uint8_t dtype, uint8_t rank,
                       const int64_t *dims);

/* Asks what the outputs of each item will be: fills planned_count and planned. */
int tb_plan(tb_client *client, tb_batch *batch);

/* Runs a batch and waits: fills code, text and value; fails if the batch is refused as a whole. */
int tb_run(tb_client *client, tb_batch *batch);

#endif /* TENSORBRIDGE_H */

#ifdef TENSORBRIDGE_IMPLEMENTATION

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Offsets and numbers of the pages of spec/. */
enum {
  TB__MSG_HEADER = 16,
  TB__HELLO = 1,
  TB__WELCOME = 2,
  TB__REGISTER = 3,
  TB__OK_MESSAGE = 5,
  TB__ERROR = 8,
  TB__GOODBYE = 9,
  TB__SQ_TAIL = 64,
  TB__CQ_HEAD = 128,
  TB__CLIENT_SLEEPING = 192,
  TB__CQ_TAIL = 320,
  TB__SERVER_SLEEPING = 384,
  TB__RINGS = 512,
  TB__SUBMISSION = 128,
  TB__COMPLETION = 32,
  TB__BLOCK_HEADER = 64,
  TB__ITEM_HEADER = 16,
  TB__TENSOR_HEADER = 24,
  TB__STATUS_HEADER = 64,
  TB__ITEM_STATUS = 64,
  TB__RUN = 1,
  TB__PLAN = 2,
  TB__SPINS = 2000
};

#define TB__WORK_BYTES ((uint64_t)1 << 20)
#define TB__CONTROL_BYTES ((uint64_t)4096)

static _Thread_local char tb__message[400];

const char *tb_error(void) { return tb__message; }

static int tb__fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(tb__message, sizeof tb__message, format, arguments);
  va_end(arguments);
  return -1;
}

static int tb__fail_errno(const char *what) { return tb__fail("%s: %s", what, strerror(errno)); }

/* The format is little-endian, and so are the processors that this header supports. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensorbridge.h needs a little-endian processor"
#endif

static void tb__put16(unsigned char *at, uint16_t value) { memcpy(at, &value, sizeof value); }
static void tb__put32(unsigned char *at, uint32_t value) { memcpy(at, &value, sizeof value); }
static void tb__put64(unsigned char *at, uint64_t value) { memcpy(at, &value, sizeof value); }

static uint16_t tb__get16(const unsigned char *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint32_t tb__get32(const unsigned char *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t tb__get64(const unsigned char *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t tb__pad(uint64_t length, uint64_t multiple) {
  return (length + multiple - 1) / multiple * multiple;
}

/* ---- messages ---- */

static uint32_t tb__begin_message(tb_client *client, unsigned char *message, uint16_t type,
                                  uint32_t length) {
  uint32_t request = client->next_request++;
  memset(message, 0, length);
  memcpy(message, "TBMG", 4);
  tb__put16(message + 4, type);
  tb__put32(message + 8, request);
  tb__put32(message + 12, length);
  return request;
}

static int tb__send(tb_client *client, const unsigned char *bytes, uint32_t length, const int *fds,
                    size_t fd_count) {
  union {
    struct cmsghdr header;
    unsigned char bytes[CMSG_SPACE(4 * sizeof(int))];
  } ancillary;
  struct iovec part = {(void *)(uintptr_t)bytes, length};
  struct msghdr packet = {0};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  if (fd_count > 0) {
    memset(&ancillary, 0, sizeof ancillary);
    packet.msg_control = ancillary.bytes;
    packet.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
  }
  if (sendmsg(client->socket_fd, &packet, MSG_NOSIGNAL) < 0) {
    return tb__fail_errno("sending a message");
  }
  return 0;
}

/* Receives the answer of one type to one request; an ERROR becomes the failure. */
static int tb__receive(tb_client *client, uint16_t type, uint32_t request, unsigned char *buffer,
                       uint32_t size) {
  ssize_t length = recv(client->socket_fd, buffer, size, 0);
  if (length < 0) {
    return tb__fail_errno("receiving a message");
  }
  if (length == 0) {
    return tb__fail("the server closed the connection");
  }
  if (length < TB__MSG_HEADER || memcmp(buffer, "TBMG", 4) != 0) {
    return tb__fail("the server sent %zd bytes that are no message", length);
  }
  if (tb__get16(buffer + 4) == TB__ERROR && length >= 24) {
    uint32_t text = tb__get32(buffer + 20);
    int shown = text > (uint32_t)length - 24 ? (int)length - 24 : (int)text;
    return tb__fail("error %u: %.*s", tb__get32(buffer + 16), shown, (const char *)buffer + 24);
  }
  if (tb__get16(buffer + 4) != type || tb__get32(buffer + 8) != request) {
    return tb__fail("the server answered with message type %u", tb__get16(buffer + 4));
  }
  return 0;
}

/* ---- memory ---- */

static int tb__create_sealed(uint64_t byte_length, uint32_t access, int *fd, unsigned char **data) {
  int memory = memfd_create("tensorbridge", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0) {
    return tb__fail_errno("memfd_create");
  }
  /* All blocks at once: a region counts with its full size. posix_fallocate returns the error. */
  int full = posix_fallocate(memory, 0, (off_t)byte_length);
  if (full != 0) {
    close(memory);
    return tb__fail("allocating %llu bytes: %s", (unsigned long long)byte_length, strerror(full));
  }
  void *mapping = mmap(NULL, byte_length, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (mapping == MAP_FAILED) {
    close(memory);
    return tb__fail_errno("mmap");
  }
  /* SEAL, SHRINK, GROW; for reading FUTURE_WRITE too, which leaves this mapping writable. */
  int seals = access == TB_READ ? 1 | 2 | 4 | 16 : 1 | 2 | 4;
  if (fcntl(memory, 1033 /* F_ADD_SEALS */, seals) < 0) {
    tb__fail_errno("sealing a region");
    munmap(mapping, byte_length);
    close(memory);
    return -1;
  }
  *fd = memory;
  *data = mapping;
  return 0;
}

int tb_region_create(tb_client *client, tb_region *region, uint64_t byte_length, uint32_t access) {
  unsigned char message[64];
  memset(region, 0, sizeof *region);
  region->fd = -1;
  if (tb__create_sealed(byte_length, access, &region->fd, &region->data) < 0) {
    return -1;
  }
  region->id = client->next_region++;
  region->generation = 1;
  region->byte_length = byte_length;
  uint32_t request = tb__begin_message(client, message, TB__REGISTER, 40);
  tb__put32(message + 16, region->id);
  tb__put32(message + 20, region->generation);
  tb__put32(message + 24, access);
  tb__put64(message + 32, byte_length);
  unsigned char answer[1024];
  if (tb__send(client, message, 40, &region->fd, 1) < 0 ||
      tb__receive(client, TB__OK_MESSAGE, request, answer, sizeof answer) < 0) {
    tb_region_free(region);
    return -1;
  }
  return 0;
}

void tb_region_free(tb_region *region) {
  if (region->data != NULL) {
    munmap(region->data, region->byte_length);
  }
  if (region->fd >= 0) {
    close(region->fd);
  }
  region->data = NULL;
  region->fd = -1;
}

tb_tensor tb_tensor_at(const tb_region *region, uint64_t byte_offset, uint8_t dtype, uint8_t rank,
                       const int64_t *dims) {
  tb_tensor tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.region = region;
  tensor.byte_offset = byte_offset;
  tensor.dtype = dtype;
  tensor.rank = rank;
  memcpy(tensor.dims, dims, rank * sizeof(int64_t));
  return tensor;
}

/* ---- connection ---- */

static int tb__shake_hands(tb_client *client) {
  unsigned char message[64];
  unsigned char answer[1024];
  memcpy(client->control, "TBRCTRL1", 8);
  tb__put32(client->control + 8, TB_RING_ENTRIES);
  int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  if (self < 0) {
    return tb__fail_errno("pidfd_open");
  }
  uint32_t request = tb__begin_message(client, message, TB__HELLO, 40);
  tb__put16(message + 16, 1);
  tb__put32(message + 20, TB_RING_ENTRIES);
  tb__put64(message + 24, TB__CONTROL_BYTES);
  tb__put32(message + 32, (uint32_t)getpid());
  int fds[4] = {client->control_fd, client->server_bell, client->client_bell, self};
  int sent = tb__send(client, message, 40, fds, 4);
  close(self);
  if (sent < 0 || tb__receive(client, TB__WELCOME, request, answer, sizeof answer) < 0) {
    return -1;
  }
  client->max_block_bytes = tb__get64(answer + 48);
  return 0;
}

int tb_connect(tb_client *client, const char *path) {
  memset(client, 0, sizeof *client);
  client->next_request = client->next_region = 1;
  client->next_batch = 1;
  client->control_fd = client->work.fd = -1;
  client->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  client->server_bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  client->client_bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int failed = 0;
  if (client->socket_fd < 0 || client->server_bell < 0 || client->client_bell < 0) {
    failed = tb__fail_errno("opening a socket and doorbells");
  } else if (strlen(path) >= sizeof address.sun_path) {
    failed = tb__fail("the path %s is too long for a socket", path);
  } else {
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(client->socket_fd, (struct sockaddr *)&address, sizeof address) < 0) {
      failed = tb__fail("connecting to %s: %s", path, strerror(errno));
    }
  }
  if (failed < 0 ||
      tb__create_sealed(TB__CONTROL_BYTES, TB_READWRITE, &client->control_fd, &client->control) < 0 ||
      tb__shake_hands(client) < 0 ||
      tb_region_create(client, &client->work, TB__WORK_BYTES, TB_READWRITE) < 0) {
    tb_close(client);
    return -1;
  }
  return 0;
}

void tb_close(tb_client *client) {
  if (client->control != NULL) {
    unsigned char message[TB__MSG_HEADER];
    tb__begin_message(client, message, TB__GOODBYE, TB__MSG_HEADER);
    /* The server may have gone first; then nobody needs the farewell, nor its error. */
    send(client->socket_fd, message, sizeof message, MSG_NOSIGNAL);
    munmap(client->control, TB__CONTROL_BYTES);
    client->control = NULL;
  }
  tb_region_free(&client->work);
  int *fds[] = {&client->socket_fd, &client->server_bell, &client->client_bell,
                &client->control_fd};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    if (*fds[i] >= 0) {
      close(*fds[i]);
    }
    *fds[i] = -1;
  }
}

/* ---- blocks ---- */

static unsigned char *tb__write_tensor(unsigned char *at, const tb_tensor *tensor) {
  memset(at, 0, TB__TENSOR_HEADER);
  tb__put32(at, tensor->region->id);
  tb__put32(at + 4, tensor->region->generation);
  tb__put64(at + 8, tensor->byte_offset);
  at[16] = tensor->dtype;
  at[17] = tensor->rank;
  memcpy(at + TB__TENSOR_HEADER, tensor->dims, tensor->rank * sizeof(int64_t));
  return at + TB__TENSOR_HEADER + tensor->rank * sizeof(int64_t);
}

static uint64_t tb__item_length(const tb_item *item, int with_outputs) {
  uint64_t length = TB__ITEM_HEADER + TB__TENSOR_HEADER + 8u * item->input.rank;
  for (uint32_t i = 0; with_outputs && i < item->output_count; i++) {
    length += TB__TENSOR_HEADER + 8u * item->outputs[i].rank;
  }
  return length;
}

static unsigned char *tb__write_item(unsigned char *at, const tb_item *item, int with_outputs) {
  uint32_t outputs = with_outputs ? item->output_count : 0;
  memset(at, 0, TB__ITEM_HEADER);
  tb__put32(at, (uint32_t)tb__item_length(item, with_outputs));
  tb__put16(at + 4, 1);
  tb__put16(at + 6, (uint16_t)outputs);
  at = tb__write_tensor(at + TB__ITEM_HEADER, &item->input);
  for (uint32_t i = 0; i < outputs; i++) {
    at = tb__write_tensor(at, &item->outputs[i]);
  }
  return at;
}

/* Writes a block of one option set and no names at `block`; returns its length, 0 if no room. */
static uint64_t tb__write_block(const tb_batch *batch, int with_outputs, unsigned char *block,
                                uint64_t room) {
  uint64_t operation = strlen(batch->operation);
  uint64_t options = strlen(batch->options);
  uint64_t table_at = TB__BLOCK_HEADER + tb__pad(operation, 8);
  uint64_t options_at = table_at + 8;
  uint64_t items_at = options_at + tb__pad(options, 8);
  uint64_t length = items_at;
  for (uint32_t i = 0; i < batch->item_count; i++) {
    length += tb__item_length(&batch->items[i], with_outputs);
  }
  if (length > room) {
    return 0;
  }
  memset(block, 0, items_at);
  memcpy(block, "TBBK", 4);
  tb__put16(block + 4, 1);
  tb__put64(block + 8, length);
  tb__put32(block + 16, batch->item_count);
  tb__put32(block + 28, 1);
  tb__put32(block + 32, TB__BLOCK_HEADER);
  tb__put32(block + 36, (uint32_t)operation);
  tb__put32(block + 40, (uint32_t)table_at);
  tb__put32(block + 44, (uint32_t)items_at);
  tb__put32(block + 48, (uint32_t)(length - items_at));
  memcpy(block + TB__BLOCK_HEADER, batch->operation, operation);
  tb__put32(block + table_at, (uint32_t)options_at);
  tb__put32(block + table_at + 4, (uint32_t)options);
  memcpy(block + options_at, batch->options, options);
  unsigned char *at = block + items_at;
  for (uint32_t i = 0; i < batch->item_count; i++) {
    at = tb__write_item(at, &batch->items[i], with_outputs);
  }
  return length;
}

/* ---- rings ---- */

static _Atomic uint32_t *tb__word(tb_client *client, int offset) {
  return (_Atomic uint32_t *)(void *)(client->control + offset);
}

static int tb__ring_bell(int bell) {
  uint64_t one = 1;
  /* A full counter is rung already. */
  if (write(bell, &one, sizeof one) < 0 && errno != EAGAIN) {
    return tb__fail_errno("ringing the doorbell");
  }
  return 0;
}

static void tb__put_span(unsigned char *at, const tb_region *region, uint64_t offset,
                         uint64_t length) {
  tb__put32(at, region->id);
  tb__put32(at + 4, region->generation);
  tb__put64(at + 8, offset);
  tb__put64(at + 16, length);
}

static int tb__submit(tb_client *client, uint32_t kind, uint64_t block_at, uint64_t block_length,
                      uint64_t status_length) {
  unsigned char *entry =
      client->control + TB__RINGS + TB__SUBMISSION * (client->submitted % TB_RING_ENTRIES);
  memset(entry, 0, TB__SUBMISSION);
  tb__put64(entry, client->next_batch++);
  tb__put32(entry + 8, kind);
  tb__put_span(entry + 32, &client->work, block_at, block_length);
  tb__put_span(entry + 56, &client->work, 0, status_length);
  atomic_store_explicit(tb__word(client, TB__SQ_TAIL), ++client->submitted, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(tb__word(client, TB__SERVER_SLEEPING), memory_order_relaxed) == 1) {
    return tb__ring_bell(client->server_bell);
  }
  return 0;
}

static int tb__has_completion(tb_client *client) {
  return atomic_load_explicit(tb__word(client, TB__CQ_TAIL), memory_order_acquire) != client->taken;
}

/* Sleeps until the server rings or closes the connection. */
static int tb__sleep(tb_client *client) {
  struct pollfd watched[2] = {{client->client_bell, POLLIN, 0}, {client->socket_fd, POLLIN, 0}};
  atomic_store_explicit(tb__word(client, TB__CLIENT_SLEEPING), 1, memory_order_relaxed);
  atomic_thread_fence(memory_order_seq_cst);
  int result = 0;
  if (!tb__has_completion(client) && poll(watched, 2, -1) < 0 && errno != EINTR) {
    result = tb__fail_errno("waiting for the server");
  }
  atomic_store_explicit(tb__word(client, TB__CLIENT_SLEEPING), 0, memory_order_relaxed);
  uint64_t rung;
  if (read(client->client_bell, &rung, sizeof rung) < 0 && errno != EAGAIN) {
    return tb__fail_errno("clearing the doorbell");
  }
  if (result == 0 && watched[1].revents != 0 && !tb__has_completion(client)) {
    unsigned char last[1024];
    /* Between requests the server speaks only to end the connection. */
    return tb__receive(client, 0, 0, last, sizeof last);
  }
  return result;
}

/* Waits for the completion of the only batch in flight. */
static int tb__await(tb_client *client, uint32_t *code) {
  for (int i = 0; i < TB__SPINS && !tb__has_completion(client); i++) {
  }
  while (!tb__has_completion(client)) {
    if (tb__sleep(client) < 0) {
      return -1;
    }
  }
  const unsigned char *entry = client->control + TB__RINGS + TB__SUBMISSION * TB_RING_ENTRIES +
                               TB__COMPLETION * (client->taken % TB_RING_ENTRIES);
  uint64_t batch = tb__get64(entry);
  *code = tb__get32(entry + 8);
  atomic_store_explicit(tb__word(client, TB__CQ_HEAD), ++client->taken, memory_order_release);
  return batch == client->next_batch - 1 ? 0 : tb__fail("the server completed another batch");
}

/* ---- batches ---- */

/* Bytes of the status area, if they lie within it. */
static const unsigned char *tb__text(const tb_client *client, uint64_t status_length, uint64_t at,
                                     uint64_t length) {
  return at <= status_length && length <= status_length - at ? client->work.data + at : NULL;
}

static int tb__read_plan(tb_item *item, const unsigned char *record, uint64_t length) {
  static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 1, 1, 8, 16};
  uint64_t at = 16;
  if (record == NULL || length < at || tb__get32(record) > TB_MAX_OUTPUTS) {
    return tb__fail("the server sent a plan that can't be read");
  }
  item->planned_count = tb__get32(record);
  at += tb__pad(tb__get32(record + 4), 8);
  for (uint32_t i = 0; i < item->planned_count; i++) {
    tb_output_plan *output = &item->planned[i];
    if (at + 8 > length) {
      return tb__fail("a plan ends before its outputs");
    }
    uint64_t name = tb__get16(record + at);
    output->dtype = record[at + 2];
    output->rank = record[at + 3];
    if (output->rank > TB_MAX_RANK || output->dtype >= sizeof sizes ||
        at + 8 + 8u * output->rank + tb__pad(name, 8) > length) {
      return tb__fail("a plan ends before its outputs");
    }
    memcpy(output->dims, record + at + 8, output->rank * sizeof(int64_t));
    output->byte_length = sizes[output->dtype];
    for (uint8_t d = 0; d < output->rank; d++) {
      output->byte_length *= (uint64_t)output->dims[d];
    }
    at += 8 + 8u * output->rank + tb__pad(name, 8);
  }
  return 0;
}

static int tb__read_items(tb_client *client, tb_batch *batch, uint32_t kind,
                          uint64_t status_length) {
  for (uint32_t i = 0; i < batch->item_count; i++) {
    tb_item *item = &batch->items[i];
    const unsigned char *status =
        client->work.data + TB__STATUS_HEADER + (uint64_t)TB__ITEM_STATUS * i;
    uint64_t length = tb__get32(status + 4);
    const unsigned char *text = tb__text(client, status_length, tb__get64(status + 8), length);
    item->code = tb__get32(status);
    item->text[0] = '\0';
    memcpy(item->value, status + 32, sizeof item->value);
    if (item->code == TB_OK && kind == TB__PLAN) {
      if (tb__read_plan(item, text, length) < 0) {
        return -1;
      }
    } else if (item->code != TB_OK && item->code != TB_NEEDS_SPACE && text != NULL) {
      snprintf(item->text, sizeof item->text, "%.*s", (int)length, (const char *)text);
    }
  }
  return 0;
}

static int tb__execute(tb_client *client, tb_batch *batch, uint32_t kind) {
  uint64_t status_length =
      tb__pad(TB__STATUS_HEADER + ((uint64_t)TB__ITEM_STATUS + 256) * batch->item_count + 1024, 64);
  if (status_length > client->work.byte_length) {
    return tb__fail("a batch of %u items is too large for this client", batch->item_count);
  }
  uint64_t room = client->work.byte_length - status_length;
  if (room > client->max_block_bytes) {
    room = client->max_block_bytes;
  }
  uint64_t block_length =
      tb__write_block(batch, kind == TB__RUN, client->work.data + status_length, room);
  if (block_length == 0) {
    return tb__fail("a batch of %u items is too large for this client", batch->item_count);
  }
  memset(client->work.data, 0, TB__STATUS_HEADER);
  uint32_t code;
  if (tb__submit(client, kind, status_length, block_length, status_length) < 0 ||
      tb__await(client, &code) < 0) {
    return -1;
  }
  if (code != TB_OK) {
    uint64_t length = tb__get32(client->work.data + 20);
    const unsigned char *text =
        tb__text(client, status_length, tb__get64(client->work.data + 24), length);
    return tb__fail("error %u: %.*s", code, text == NULL ? 0 : (int)length,
                    text == NULL ? "" : (const char *)text);
  }
  return tb__read_items(client, batch, kind, status_length);
}

int tb_plan(tb_client *client, tb_batch *batch) { return tb__execute(client, batch, TB__PLAN); }

int tb_run(tb_client *client, tb_batch *batch) { return tb__execute(client, batch, TB__RUN); }

#endif /* TENSORBRIDGE_IMPLEMENTATION */
