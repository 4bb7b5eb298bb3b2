// engine_raw.cc: the ceiling: one file that only grows, and an open-addressing index in memory.
//
// No checksum, no compression, no recovery; keys are 16 bytes, values below 16 MiB. Variants: "" one
// pwritev for each record; "buf" a buffer of 1 MiB; "mmap" as buf, read from a map instead of by pread;
// for synced puts "linger", as buf, and a leader of a group yields for up to 30 us so that those who were
// just answered can join; and "pre", as linger, into a file of a GiB of zeros, synced beforehand.
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sched.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "peerbench.h"

namespace {
struct Slot { uint64_t h, at; };  // at = offset << 24 | value length
static inline uint64_t hash16(const char *k) {
  uint64_t a, b; memcpy(&a, k, 8); memcpy(&b, k + 8, 8);
  __uint128_t m = (__uint128_t)(a ^ 0xa0761d6478bd642full) * (b ^ 0xe7037ed1a0b428dbull);
  uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64); return h ? h : 1;
}
struct Raw : Engine {
  Options o; int fd = -1; uint64_t end = 0, mask = 0; std::vector<Slot> table; bool buffered = false, mapped = false, linger = false, pre = false;
  std::mutex mu; std::condition_variable cv; uint64_t seq = 0, durable = 0; bool leader = false;
  std::vector<char> buf; size_t fill = 0; char *map = nullptr; uint64_t map_len = 0;
  std::vector<std::vector<char>> rb;

  std::string log() { return o.dir + "/log"; }
  void open(const Options &opt) override {
    o = opt; pre = o.tune == "pre"; linger = pre || o.tune == "linger"; buffered = o.tune == "buf" || o.tune == "mmap" || linger; mapped = o.tune == "mmap";
    fd = ::open(log().c_str(), O_RDWR | O_CREAT, 0644); if (fd < 0) die("raw: open");
    struct stat st; fstat(fd, &st); end = st.st_size;
    uint64_t cap = 1024; while (cap * 6 < o.keys * 10) cap <<= 1;
    mask = cap - 1; table.resize(cap); rb.resize(o.threads + 1);
    int ix = ::open((o.dir + "/index").c_str(), O_RDONLY);
    if (ix >= 0) { size_t want = cap * sizeof(Slot), got = 0; while (got < want) { ssize_t n = ::read(ix, (char *)table.data() + got, want - got); if (n <= 0) break; got += n; } ::close(ix); }
    if (buffered) buf.resize(1 << 20);
    if (pre && o.fresh) { std::vector<char> z(1 << 20); for (int i = 0; i < 1024; i++) if (pwrite(fd, z.data(), z.size(), (off_t)i << 20) != (ssize_t)z.size()) die("raw: zeros"); fdatasync(fd); }
    if (mapped) remap();
  }
  void remap() { if (map) munmap(map, map_len); map_len = end; map = end ? (char *)mmap(nullptr, end, PROT_READ, MAP_SHARED, fd, 0) : nullptr; }
  Slot *find(uint64_t h) { uint64_t i = h & mask; while (table[i].h && table[i].h != h) i = (i + 1) & mask; return &table[i]; }
  void drain() { if (fill) { if (pwrite(fd, buf.data(), fill, end) != (ssize_t)fill) die("raw: pwrite"); end += fill; fill = 0; } }
  void put(int, const char *k, size_t kn, const char *v, size_t vn) override {
    uint64_t h = hash16(k); std::unique_lock<std::mutex> l(mu);
    uint64_t at;
    if (buffered && kn + vn <= buf.size()) {
      if (fill + kn + vn > buf.size()) drain();
      at = end + fill; memcpy(&buf[fill], k, kn); memcpy(&buf[fill + kn], v, vn); fill += kn + vn;
    } else {
      if (buffered) drain();
      iovec iv[2] = {{(void *)k, kn}, {(void *)v, vn}}; at = end;
      if (pwritev(fd, iv, 2, end) != (ssize_t)(kn + vn)) die("raw: pwritev");
      end += kn + vn;
    }
    Slot *s = find(h); s->h = h; s->at = (at + kn) << 24 | vn;
    if (o.sync == Sync::Each) {
      uint64_t mine = ++seq;
      while (durable < mine) {
        if (leader) { cv.wait(l); continue; }
        leader = true;
        if (linger && o.threads > 1) {
          timespec a, b; clock_gettime(CLOCK_MONOTONIC, &a);
          for (;;) { l.unlock(); sched_yield(); l.lock(); clock_gettime(CLOCK_MONOTONIC, &b); if (seq - durable >= (uint64_t)o.threads || (b.tv_sec - a.tv_sec) * 1000000000l + b.tv_nsec - a.tv_nsec > 30000) break; }
        }
        drain(); uint64_t upto = seq; l.unlock(); if (fdatasync(fd)) die("raw: fdatasync"); l.lock(); durable = upto; leader = false; cv.notify_all();
      }
    }
  }
  bool get(int tid, const char *k, size_t, Ref *out) override {
    Slot *s = find(hash16(k)); if (!s->h) return false;
    size_t n = s->at & 0xffffff; uint64_t off = s->at >> 24;
    if (mapped) { *out = {map + off, n}; return true; }
    auto &b = rb[tid]; if (b.size() < n) b.resize(n);
    if (pread(fd, b.data(), n, off) != (ssize_t)n) return false;
    *out = {b.data(), n}; return true;
  }
  void sync() override { drain(); if (fdatasync(fd)) die("raw: fdatasync"); }
  void close() override {
    drain(); FILE *f = fopen((o.dir + "/index").c_str(), "w");
    if (!f || fwrite(table.data(), sizeof(Slot), table.size(), f) != table.size() || fclose(f)) die("raw: writing the index");
    ::close(fd);
  }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "raw" ? new Raw : nullptr; }
