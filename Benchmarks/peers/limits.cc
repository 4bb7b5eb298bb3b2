// limits.cc: what this machine can do with no engine in the way. One JSON object for each test, on a line.
//
//   limits DIRECTORY [all|append|sweep|direct|sync|read|cpu] [SCALE]
//
// SCALE, at most 1, makes the tests smaller: what they write, read and look up, and how long synced writes
// go on. At 1 they take two minutes or so, and 4 GB of disk. Makes and removes one file, limit.dat.
#include <fcntl.h>
#include <isa-l.h>
#include <lz4.h>
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <wmmintrin.h>
#include <x86intrin.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>
#ifdef HAVE_GOOGLE_CRC32C
namespace crc32c { uint32_t Extend(uint32_t crc, const uint8_t *data, size_t count); }
#endif

static double now() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static double cpu() { rusage r; getrusage(RUSAGE_SELF, &r); return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6; }
static uint64_t mix64(uint64_t x) { x += 0x9e3779b97f4a7c15ull; x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull; x = (x ^ (x >> 27)) * 0x94d049bb133111ebull; return x ^ (x >> 31); }
static void row(const char *name, double rate, const char *unit, double c, double t) { printf("{\"limit\":\"%s\",\"rate\":%.1f,\"unit\":\"%s\",\"cpuSeconds\":%.2f,\"seconds\":%.2f}\n", name, rate, unit, c, t); fflush(stdout); }

static double scale = 1;
static size_t scaled(size_t n, size_t least) { return std::max<size_t>(n * scale, std::min(n, least)); }
static double lasting(double seconds) { return std::max(seconds * scale, 0.05); }

static std::vector<char> text50(size_t n) {
  std::vector<char> p(n); uint64_t r = 42; auto rnd = [&] { return r = mix64(r); };
  static const char abc[] = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789"; size_t i = 0;
  while (i < n) { for (size_t l = 5 + rnd() % 11; l-- && i < n; i++) p[i] = abc[rnd() & 63]; size_t d = 28 + rnd() % 100; if (i > d) for (size_t l = 11 + rnd() % 17; l-- && i < n; i++) p[i] = p[i - d]; }
  return p;
}

// ------------------------------------------------------------------ disk
static void append(const std::string &dir, const char *name, size_t rec, size_t n, size_t buffer) {
  n = scaled(n, 64); std::string f = dir + "/limit.dat"; unlink(f.c_str());
  std::vector<char> v = text50((16 << 20) + rec); int fd = open(f.c_str(), O_RDWR | O_CREAT, 0644); std::vector<char> b(buffer + rec);
  double t = now(), c = cpu(); size_t at = 0, fill = 0;
  for (size_t i = 0; i < n; i++) {
    const char *p = &v[mix64(i) % (16 << 20)];
    if (!buffer) { if (pwrite(fd, p, rec, at) != (ssize_t)rec) abort(); at += rec; continue; }
    memcpy(&b[fill], p, rec); fill += rec; if (fill >= buffer) { if (pwrite(fd, b.data(), fill, at) != (ssize_t)fill) abort(); at += fill; fill = 0; }
  }
  if (fill && pwrite(fd, b.data(), fill, at) != (ssize_t)fill) abort();
  double tw = now() - t; fsync(fd); t = now() - t; c = cpu() - c; close(fd);
  std::string base = name; row((base + " append ops").c_str(), n / t, "ops/s", c, t); row((base + " append bytes").c_str(), n * rec / 1e6 / t, "MB/s", c, t); row((base + " append bytes before fsync").c_str(), n * rec / 1e6 / tw, "MB/s", c, tw);
}
static void fdsync(const std::string &dir, const char *name, size_t rec, bool prealloc, int flags) {
  std::string f = dir + "/limit.dat"; unlink(f.c_str()); int fd = open(f.c_str(), O_RDWR | O_CREAT | flags, 0644), pf = open(f.c_str(), O_RDWR);
  char *b = (char *)aligned_alloc(4096, (rec + 4095) & ~4095ull); memset(b, 7, rec);
  if (prealloc) { std::vector<char> z(1 << 20); for (int i = 0; i < 64; i++) if (pwrite(pf, z.data(), z.size(), (off_t)i << 20) < 0) abort(); fsync(pf); posix_fadvise(pf, 0, 0, POSIX_FADV_DONTNEED); }
  close(pf);
  double t = now(), c = cpu(); size_t n = 0; std::vector<double> l;
  while (now() - t < lasting(3)) { double q = now(); if (pwrite(fd, b, rec, n * rec % (prealloc ? 60u << 20 : ~0u)) != (ssize_t)rec) abort(); if (!(flags & O_DSYNC)) fdatasync(fd); l.push_back(now() - q); n++; }
  t = now() - t; c = cpu() - c; close(fd); std::sort(l.begin(), l.end()); std::string s = name; row(s.c_str(), n / t, "ops/s", c, t); row((s + " p50").c_str(), l[l.size() / 2] * 1e6, "us", 0, 0); row((s + " p99").c_str(), l[l.size() * 99 / 100] * 1e6, "us", 0, 0); free(b);
}
static void reads(const std::string &dir, size_t rec, int threads, bool map) {
  std::string f = dir + "/limit.dat"; size_t sz = scaled(1ull << 30, 16 << 20) >> 20 << 20; unlink(f.c_str()); int fd = open(f.c_str(), O_RDWR | O_CREAT, 0644); std::vector<char> v = text50(1 << 20); for (size_t i = 0; i < sz; i += v.size()) if (pwrite(fd, v.data(), v.size(), i) < 0) abort();
  fsync(fd); const char *m = (const char *)mmap(nullptr, sz, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  double t = now(), c = cpu(); std::vector<std::thread> th; std::vector<size_t> done(threads);
  for (int k = 0; k < threads; k++) th.emplace_back([&, k] { std::vector<char> b(rec); uint64_t r = k + 1; size_t n = 0; double s = now(); volatile uint64_t sink = 0; while ((n & 255) || now() - s < lasting(2)) { r = mix64(r); size_t o = r % (sz - rec); if (map) { uint64_t x = 0; for (size_t j = 0; j < rec; j += 64) x += m[o + j]; sink = x; } else { if (pread(fd, b.data(), rec, o) < 0) abort(); uint64_t x = 0; for (size_t j = 0; j < rec; j += 64) x += b[j]; sink = x; } n++; } (void)sink; done[k] = n; });
  for (auto &x : th) x.join();
  t = now() - t; c = cpu() - c; size_t n = 0; for (auto d : done) n += d;
  char name[100]; snprintf(name, sizeof name, "random %s %zu B cached, %d thread", map ? "mmap touch" : "pread", rec, threads); row(name, n / t, "ops/s", c, t); munmap((void *)m, sz); close(fd); unlink(f.c_str());
}

static void direct(const std::string &dir, size_t chunk, size_t total, int depth) {  // O_DIRECT appends past the page cache, `depth` at a time
  total = scaled(total, 16 << 20);
  std::string f = dir + "/limit.dat"; unlink(f.c_str()); int fd = open(f.c_str(), O_RDWR | O_CREAT | O_DIRECT, 0644); if (fd < 0) return;
  std::vector<std::thread> th; std::atomic<size_t> next{0}; size_t n = total / chunk; double t = now(), c = cpu();
  for (int k = 0; k < depth; k++) th.emplace_back([&] { char *b = (char *)aligned_alloc(4096, chunk); memset(b, 9, chunk); for (size_t i; (i = next++) < n;) if (pwrite(fd, b, chunk, i * chunk) != (ssize_t)chunk) abort(); free(b); });
  for (auto &x : th) x.join();
  double tw = now() - t; fdatasync(fd); t = now() - t; c = cpu() - c; close(fd); char name[96]; snprintf(name, sizeof name, "O_DIRECT append, %zu KiB writes, %d in flight", chunk >> 10, depth); row(name, n * chunk / 1e6 / t, "MB/s", c, t); (void)tw;
}
static void rewrite(const std::string &dir, size_t rec, size_t total) {  // the same bytes over pages already in the cache
  total = scaled(total, 16 << 20) >> 20 << 20;
  std::string f = dir + "/limit.dat"; unlink(f.c_str()); int fd = open(f.c_str(), O_RDWR | O_CREAT, 0644); std::vector<char> z(1 << 20, 5); for (size_t i = 0; i < total; i += z.size()) if (pwrite(fd, z.data(), z.size(), i) < 0) abort();
  fsync(fd); std::vector<char> b(rec, 6); double t = now(), c = cpu(); size_t n = total / rec; for (size_t i = 0; i < n; i++) if (pwrite(fd, b.data(), rec, i * rec) < 0) abort();
  double tw = now() - t; fsync(fd); t = now() - t; c = cpu() - c; close(fd); char name[96]; snprintf(name, sizeof name, "rewrite of cached pages, %zu B pwrite each", rec); row(name, n * rec / 1e6 / t, "MB/s", c, t); strcat(name, " before fsync"); row(name, n * rec / 1e6 / tw, "MB/s", c, tw);
}
static void firsttouch() {
  size_t n = scaled(2ull << 30, 16 << 20); for (int k = 0; k < 2; k++) { char *p = (char *)mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); double t = now(); for (size_t i = 0; i < n; i += 4096) p[i] = 1; t = now() - t; munmap(p, n); row(k ? "first touch of anonymous memory, again at once" : "first touch of anonymous memory", t * 1e6 / (n / 4096.0), "us/page", 0, t); }
}

// ------------------------------------------------------------------ cpu
static double rate(const std::function<void()> &f, double bytes) { f(); double best = 0; for (int k = 0; k < 2; k++) { double t = now(); int n = 0; do { f(); n++; } while (now() - t < lasting(0.12)); best = std::max(best, n * bytes / (now() - t)); } return best / 1e6; }
static uint32_t crc_simple(uint32_t c, const char *p, size_t n) { uint64_t x = ~c; for (; n >= 8; n -= 8, p += 8) { uint64_t w; memcpy(&w, p, 8); x = _mm_crc32_u64(x, w); } while (n--) x = _mm_crc32_u8(x, *p++); return ~(uint32_t)x; }
static void cpus() {
  volatile uint32_t sink = 0; std::vector<char> v = text50(32 << 20), d(64 << 20);
  for (size_t s : {128, 1024, 16384, 1 << 20}) {
    size_t k = (16 << 20) / s; char n[80]; auto at = [&](size_t i) { return &v[(mix64(i) % (16 << 20)) & ~7ull]; };
    auto each = [&](const char *what, const std::function<void(const char *)> &f) { snprintf(n, sizeof n, "%s, %zu B records", what, s); row(n, rate([&] { for (size_t i = 0; i < k; i++) f(at(i)); }, double(k) * s), "MB/s", 0, 0); };
    each("crc32c SSE4.2 one stream", [&](const char *p) { sink = crc_simple(0, p, s); });
    each("crc32c ISA-L", [&](const char *p) { sink = crc32_iscsi((unsigned char *)p, s, ~0u); });
#ifdef HAVE_GOOGLE_CRC32C
    each("crc32c google", [&](const char *p) { sink = crc32c::Extend(0, (const uint8_t *)p, s); });
#endif
    each("crc32 zlib", [&](const char *p) { sink = crc32(0, (const Bytef *)p, s); });
    each("memcpy", [&](const char *p) { memcpy(d.data(), p, s); });
    std::vector<char> c(LZ4_compressBound(s)); double in = 0, out = 0; for (size_t i = 0; i < 200; i++) { in += s; out += LZ4_compress_default(at(i), c.data(), s, c.size()); }
    snprintf(n, sizeof n, "lz4 ratio text50, %zu B records", s); row(n, out / in * 100, "% of input", 0, 0);
    each("lz4 compress text50", [&](const char *p) { sink = LZ4_compress_default(p, c.data(), s, c.size()); });
    std::vector<std::vector<char>> cs; for (size_t i = 0; i < std::min<size_t>(k, 4096); i++) { std::vector<char> x(c.size()); int l = LZ4_compress_default(at(i), x.data(), s, x.size()); x.resize(l); cs.push_back(x); }
    snprintf(n, sizeof n, "lz4 decompress text50, %zu B records", s); row(n, rate([&] { for (size_t i = 0; i < cs.size(); i++) sink = LZ4_decompress_safe(cs[i].data(), d.data(), cs[i].size(), s); }, double(cs.size()) * s), "MB/s", 0, 0);
  }
  { std::vector<char> rnd(17 << 20); for (size_t i = 0; i + 8 <= rnd.size(); i += 8) { uint64_t x = mix64(i); memcpy(&rnd[i], &x, 8); } std::vector<char> c(LZ4_compressBound(1 << 20)); for (size_t s : {1024, 16384}) { char n[80]; snprintf(n, sizeof n, "lz4 compress random (gives up), %zu B records", s); size_t k = (16 << 20) / s; row(n, rate([&] { for (size_t i = 0; i < k; i++) sink = LZ4_compress_default(&rnd[mix64(i) % (16 << 20)], c.data(), s, c.size()); }, double(k) * s), "MB/s", 0, 0); } }
  { std::vector<char> a(256 << 20), b(256 << 20); memset(a.data(), 1, a.size()); row("memcpy 256 MiB (out of cache)", rate([&] { memcpy(b.data(), a.data(), a.size()); }, a.size()), "MB/s", 0, 0); }
  {  // open addressing, 16-byte slots, load 0.6
    const uint64_t N = scaled(10000000, 10000); uint64_t M = 1; while (M * 6 < N * 10) M <<= 1; struct S { uint64_t h, v; }; 
    for (int huge = 0; huge < 2; huge++) {
      S *t = (S *)mmap(nullptr, M * sizeof(S), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); madvise(t, M * sizeof(S), huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
      double q = now(); for (uint64_t i = 0; i < N; i++) { uint64_t h = mix64(i), p = h & (M - 1); while (t[p].h) p = (p + 1) & (M - 1); t[p] = {h, i}; } q = now() - q;
      const char *tag = huge ? " (huge pages)" : " (4 KiB pages)"; row((std::string("hash insert") + tag).c_str(), N / q / 1e6, "M/s", 0, q);
      uint64_t n = scaled(5000000, 10000), s = 0, r = 1; q = now(); for (uint64_t i = 0; i < n; i++) { r = mix64(r + s); uint64_t h = mix64(r % N), p = h & (M - 1); while (t[p].h != h) p = (p + 1) & (M - 1); s = t[p].v & 1; } q = now() - q; row((std::string("hash lookup, dependent") + tag).c_str(), n / q / 1e6, "M/s", 0, q);
      q = now(); for (uint64_t i = 0; i < n; i++) { uint64_t h = mix64(mix64(i) % N), p = h & (M - 1); while (t[p].h != h) p = (p + 1) & (M - 1); s += t[p].v; } q = now() - q; row((std::string("hash lookup, independent") + tag).c_str(), n / q / 1e6, "M/s", 0, q); sink = s; munmap(t, M * sizeof(S));
    }
  }
  (void)sink;
}
int main(int argc, char **argv) {
  std::string dir = argc > 1 ? argv[1] : ".", what = argc > 2 ? argv[2] : "all";
  if (argc > 3) scale = std::min(1.0, std::max(1e-6, atof(argv[3])));
  auto on = [&](const char *w) { return what == "all" || what == w; };
  if (on("append")) {
    append(dir, "W1 116 B pwrite each", 116, 1000000, 0); append(dir, "W1 116 B 1 MiB buffer", 116, 1000000, 1 << 20);
    append(dir, "W2 1040 B pwrite each", 1040, 1000000, 0); append(dir, "W2 1040 B 1 MiB buffer", 1040, 1000000, 1 << 20);
    append(dir, "W3 16400 B pwrite each", 16400, 200000, 0); append(dir, "W4 1 MiB pwrite each", 1 << 20, 2000, 0);
  }
  if (on("sweep")) {  // same 1 GB of 1040 B records, growing write size: where the page cache stops hurting
    for (size_t b : {16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}) { char n[64]; snprintf(n, sizeof n, "W2 1040 B %zu KiB buffer", b >> 10); append(dir, n, 1040, 1000000, b); }
  }
  if (on("sync")) {
    fdsync(dir, "fdatasync after 4 KiB append", 4096, false, 0); fdsync(dir, "fdatasync after 1 KiB append", 1040, false, 0); fdsync(dir, "fdatasync 4 KiB into preallocated+written", 4096, true, 0); fdsync(dir, "O_DIRECT|O_DSYNC 4 KiB preallocated", 4096, true, O_DIRECT | O_DSYNC);
  }
  if (on("direct")) { firsttouch(); direct(dir, 128 << 10, 1ull << 30, 1); direct(dir, 1 << 20, 1ull << 30, 1); direct(dir, 1 << 20, 1ull << 30, 2); direct(dir, 4 << 20, 1ull << 30, 1); rewrite(dir, 1040, 1ull << 30); rewrite(dir, 1 << 20, 1ull << 30); }
  if (on("read")) {
    for (int m : {0, 1}) { reads(dir, 1024, 1, m); reads(dir, 1024, 2, m); } reads(dir, 1 << 20, 1, false);
  }
  if (on("cpu")) cpus();
  unlink((dir + "/limit.dat").c_str());
}
