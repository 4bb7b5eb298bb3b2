// main.cc: the driver of peerbench: one workload on one engine, one JSON object on one line.
//
//   peerbench-X --engine NAME --dir DIRECTORY --workload fill|durable|read|overwrite|open
//     [--keys N] [--value-size BYTES] [--threads N] [--seconds S] [--compressible]
//     [--codec none|lz4|snappy] [--batch N] [--tune VARIANT]
//
// Workloads, keys, values and fields of the result are those of cairn-bench; README.md has what differs.
// DIRECTORY/data is the engine's, DIRECTORY/peerbench a note that a benchmark made it: fill and durable
// begin with no data, and take no directory that is neither empty nor noted so. Exit status: 0
// measured, 1 it failed or a value was missing or wrong.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "peerbench.h"

void die(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
  exit(1);
}

// ---------------------------------------------------------------- files
static void walk(const std::string &dir,
                 const std::function<void(const std::string &, const struct stat &)> &visit) {
  DIR *d = opendir(dir.c_str());
  if (!d) return;
  while (dirent *e = readdir(d)) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    std::string path = dir + "/" + e->d_name;
    struct stat st;
    if (lstat(path.c_str(), &st)) continue;  // gone meanwhile
    if (S_ISDIR(st.st_mode)) walk(path, visit);
    visit(path, st);
  }
  closedir(d);
}

static void fsync_one(const std::string &path) {
  int fd = open(path.c_str(), O_RDONLY);
  if (fd < 0) return;
  if (fsync(fd)) die("fsync %s: %s", path.c_str(), strerror(errno));
  close(fd);
}

void fsync_tree(const std::string &dir) {
  walk(dir, [](const std::string &path, const struct stat &st) {
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) fsync_one(path);
  });
  fsync_one(dir);
}

// What the files of a directory take on the disk.
static uint64_t disk_bytes(const std::string &dir) {
  uint64_t n = 0;
  walk(dir, [&](const std::string &, const struct stat &st) {
    if (S_ISREG(st.st_mode)) n += st.st_blocks * 512ull;
  });
  return n;
}

// Makes the kernel forget the cached pages of these files, and of no others.
static void evict(const std::string &dir) {
  walk(dir, [](const std::string &path, const struct stat &st) {
    if (!S_ISREG(st.st_mode)) return;
    int fd = open(path.c_str(), O_RDONLY);
    if (fd < 0) return;
    fdatasync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  });
}

// Empties the engine's directory, if it is ours.
static void prepare(const std::string &base, const std::string &data) {
  std::string note = base + "/peerbench";
  mkdir(base.c_str(), 0755);
  bool noted = access(note.c_str(), F_OK) == 0, empty = true;
  walk(base, [&](const std::string &, const struct stat &) { empty = false; });
  if (!empty && !noted) die("%s is not empty and holds nothing of peerbench: name a new one", base.c_str());
  walk(data, [](const std::string &path, const struct stat &st) {
    if (S_ISDIR(st.st_mode) ? rmdir(path.c_str()) : unlink(path.c_str()))
      die("removing %s: %s", path.c_str(), strerror(errno));
  });
  int fd = open(note.c_str(), O_CREAT | O_WRONLY, 0644);
  if (fd < 0) die("%s: %s", note.c_str(), strerror(errno));
  close(fd);
  if (mkdir(data.c_str(), 0755) && errno != EEXIST) die("%s: %s", data.c_str(), strerror(errno));
}

// ---------------------------------------------------------------- accounts
static uint64_t nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static uint64_t after(double seconds) { return nanoseconds() + uint64_t(seconds * 1e9); }

static int accounted_pid = 0;  // 0: this process

static uint64_t proc_field(const char *leaf, const char *label) {
  std::string who = accounted_pid ? std::to_string(accounted_pid) : "self";
  FILE *f = fopen(("/proc/" + who + "/" + leaf).c_str(), "r");
  if (!f) return 0;
  char line[256];
  uint64_t value = 0;
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, label, strlen(label))) {
      value = strtoull(line + strlen(label), nullptr, 10);
      break;
    }
  fclose(f);
  return value;
}
static uint64_t anonymous_bytes() { return proc_field("status", "RssAnon:") << 10; }
static uint64_t written_bytes() { return proc_field("io", "write_bytes:"); }

static double self_seconds() {
  rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
static double server_seconds() {
  if (!accounted_pid) return 0;
  FILE *f = fopen(("/proc/" + std::to_string(accounted_pid) + "/stat").c_str(), "r");
  if (!f) return 0;
  char text[1024];
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  unsigned long user = 0, system = 0;
  char *rest = strrchr(text, ')');
  if (rest) sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return double(user + system) / sysconf(_SC_CLK_TCK);
}
// All busy seconds of the machine, with those that the host took.
static double machine_seconds() {
  unsigned long long user, nice, system, idle, wait, irq, soft, steal;
  FILE *f = fopen("/proc/stat", "r");
  if (!f) return 0;
  int n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &soft, &steal);
  fclose(f);
  return n == 8 ? double(user + nice + system + irq + soft + steal) / sysconf(_SC_CLK_TCK) : 0;
}

struct Mark {
  uint64_t ns, written;
  double self, server, machine;
  static Mark take() { return {nanoseconds(), written_bytes(), self_seconds(), server_seconds(), machine_seconds()}; }
};

// Times of operations in nanoseconds, 32 classes for each power of two: right within 3 %.
struct Histogram {
  uint64_t count[64 * 64] = {}, n = 0, max = 0;
  void add(uint64_t v) {
    int e = v < 64 ? 0 : 58 - __builtin_clzll(v);
    count[e * 64 + (v >> e)]++;
    n++;
    max = std::max(max, v);
  }
  void merge(const Histogram &o) {
    for (int i = 0; i < 64 * 64; i++) count[i] += o.count[i];
    n += o.n;
    max = std::max(max, o.max);
  }
  double microseconds(double part) const {
    uint64_t want = n * part, seen = 0;
    for (int i = 0; i < 64 * 64; i++)
      if ((seen += count[i]) > want) return std::min<uint64_t>(max, (uint64_t(i % 64) << (i / 64)) + (1ull << (i / 64)) / 2) / 1e3;
    return max / 1e3;
  }
};

// ---------------------------------------------------------------- keys and values
static inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// A permutation of 0..<n: mixes within the next power of two until the result is below n.
struct Permutation {
  uint64_t n, mask;
  int shift;
  explicit Permutation(uint64_t n_) : n(n_) {
    int bits = 1;
    while ((1ull << bits) < n) bits++;
    mask = (1ull << bits) - 1;
    shift = bits / 2 + 1;
  }
  uint64_t operator()(uint64_t x) const {
    do {
      x = (x * 0x9e3779b97f4a7c15ull + 0x1234567) & mask;
      x ^= x >> shift;
      x = (x * 0xbf58476d1ce4e5b9ull) & mask;
      x ^= x >> shift;
    } while (x >= n);
    return x;
  }
};

enum { KEYLEN = 16, EDGE = 16 };
static inline void make_key(char *k, uint64_t id) {  // "user" and twelve digits
  memcpy(k, "user", 4);
  for (int i = KEYLEN - 1; i >= 4; i--) {
    k[i] = '0' + id % 10;
    id /= 10;
  }
}

// Values are slices of a pool: random bytes, or text of which LZ4 keeps about half.
struct Values {
  enum : size_t { POOL = 16u << 20 };
  std::vector<char> pool;
  Values(bool text, size_t value_size) : pool(POOL + value_size) {
    uint64_t r = 42;
    auto random = [&] { return r = mix64(r); };
    size_t n = pool.size(), i = 0;
    if (!text) {
      for (; i + 8 <= n; i += 8) {
        uint64_t x = random();
        memcpy(&pool[i], &x, 8);
      }
      return;
    }
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789";
    while (i < n) {  // 5 to 15 new letters, then 11 to 27 of those that stand 28 to 127 before
      for (size_t l = 5 + random() % 11; l-- && i < n; i++) pool[i] = letters[random() & 63];
      size_t d = 28 + random() % 100;
      if (i > d)
        for (size_t l = 11 + random() % 17; l-- && i < n; i++) pool[i] = pool[i - d];
    }
  }
  const char *at(uint64_t id, uint64_t version) const { return &pool[mix64(id * 31 + version) % POOL]; }
};

// One byte of each cache line: who returns a view pays for its pages too.
static volatile uint64_t sink;
static inline void touch(const Ref &r) {
  uint64_t sum = 0;
  for (size_t i = 0; i < r.n; i += 64) sum += (unsigned char)r.p[i];
  sink = sum;
}

// ---------------------------------------------------------------- workloads
struct Bench {
  Options o;
  std::string workload = "fill";
  double seconds = 0;
  bool compressible = false;

  std::unique_ptr<Engine> engine;
  std::unique_ptr<Values> values;
  std::vector<Histogram> histograms;
  std::vector<uint64_t> done;
  std::atomic<uint64_t> next{0}, missing{0}, wrong{0};
  using Extras = std::vector<std::pair<const char *, double>>;

  double user_bytes(uint64_t n) const { return double(n) * (KEYLEN + o.value_size); }

  void open() {
    engine->open(o);
    accounted_pid = engine->server_pid();
  }

  void run(const std::function<void(int)> &body) {
    if (o.threads == 1) return body(0);
    std::vector<std::thread> threads;
    for (int i = 0; i < o.threads; i++) threads.emplace_back(body, i);
    for (auto &t : threads) t.join();
  }

  uint64_t gather() {
    for (int i = 1; i < o.threads; i++) histograms[0].merge(histograms[i]);
    uint64_t n = 0;
    for (auto d : done) n += d;
    return n;
  }

  void report(uint64_t n, const Mark &a, const Mark &b, double resident, double per_key, const Extras &extras) {
    double s = (b.ns - a.ns) / 1e9, own = (b.self - a.self) + (b.server - a.server);
    double cpu = accounted_pid ? b.server - a.server : b.self - a.self;
    const Histogram &h = histograms[0];
    printf("{\"workload\":\"%s\",\"operations\":%llu,\"seconds\":%.6f,\"opsPerSecond\":%.3f,\"bytesPerSecond\":%.0f,"
           "\"cpuSeconds\":%.3f,\"residentBytes\":%.0f,\"bytesPerKey\":%.3f,"
           "\"p50Microseconds\":%.3f,\"p99Microseconds\":%.3f,\"maxMicroseconds\":%.3f,\"foreignSeconds\":%.2f",
           workload.c_str(), (unsigned long long)n, s, n / s, user_bytes(n) / s, cpu, resident, per_key,
           h.microseconds(.5), h.microseconds(.99), h.max / 1e3, std::max(0.0, (b.machine - a.machine) - own));
    for (auto &x : extras) printf(",\"%s\":%.3f", x.first, x.second);
    puts("}");
  }

  int verdict() {
    if (missing + wrong == 0) return 0;
    fprintf(stderr, "%llu keys were missing, %llu values differed\n", (unsigned long long)missing, (unsigned long long)wrong);
    return 1;
  }

  // Fills, synced puts and overwriting.
  int write() {
    const bool over = workload == "overwrite", every = o.sync == Sync::Each;
    const uint64_t limit = workload == "fill" ? o.keys : UINT64_MAX;
    const Permutation permutation(o.keys);
    if (workload != "fill" && seconds == 0) die("--workload %s needs --seconds", workload.c_str());
    open();
    std::atomic<bool> stop{false};
    uint64_t space = 0;
    std::thread sampler;
    if (over) sampler = std::thread([&] {  // ten times a second, as cairn-bench does
      while (!stop) {
        space = std::max(space, disk_bytes(o.dir));
        usleep(100000);
      }
    });
    Mark a = Mark::take();
    const uint64_t until = seconds > 0 ? after(seconds) : UINT64_MAX;
    run([&](int tid) {
      char k[KEYLEN];
      uint64_t n = 0;
      for (;;) {
        uint64_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= limit) break;
        uint64_t id = over ? mix64(i) % o.keys : permutation(i % o.keys);
        const char *v = values->at(id, over ? 1 + i / o.keys : i / o.keys);
        make_key(k, id);
        n++;
        if (!every && (i & 7)) {
          engine->put(tid, k, KEYLEN, v, o.value_size);
          continue;
        }
        uint64_t start = nanoseconds();
        engine->put(tid, k, KEYLEN, v, o.value_size);
        uint64_t end = nanoseconds();
        histograms[tid].add(end - start);
        if (end >= until) break;
      }
      engine->flush(tid);
      done[tid] = n;
    });
    if (!every) engine->sync();
    Mark b = Mark::take();
    stop = true;
    if (over) sampler.join();
    uint64_t n = gather();
    double resident = anonymous_bytes(), live = user_bytes(o.keys);
    Extras extras{{"writeAmplification", (b.written - a.written) / user_bytes(n)}};
    if (over) extras.push_back({"spaceAmplificationMaximum", space / live});
    engine->close();
    if (workload != "durable") extras.push_back({"spaceAmplificationClosed", disk_bytes(o.dir) / live});
    report(n, a, b, resident, 0, extras);
    return 0;
  }

  // Reads of random keys, or in order; a batch is one operation of the histogram.
  void read_keys(int tid, uint64_t until, uint64_t limit, uint64_t seed, bool in_order) {
    const int batch = engine->pipelined() ? std::max(1, o.batch) : 1;
    std::vector<char> keys(KEYLEN * batch);
    std::vector<Ref> found(batch);
    std::vector<uint64_t> ids(batch);
    uint64_t random = seed, n = 0;
    for (uint64_t turn = 0; n < limit; turn++) {
      for (int j = 0; j < batch; j++) {
        random = mix64(random);
        ids[j] = (in_order ? n + j : random) % o.keys;
        make_key(&keys[j * KEYLEN], ids[j]);
      }
      const bool timed = batch > 1 || (turn & 7) == 0;
      uint64_t start = timed ? nanoseconds() : 0;
      std::fill(found.begin(), found.end(), Ref());
      size_t hits = engine->pipelined() ? engine->get_many(tid, keys.data(), KEYLEN, batch, found.data())
                                        : engine->get(tid, keys.data(), KEYLEN, found.data());
      missing += batch - hits;
      for (int j = 0; j < batch; j++) check(found[j], ids[j]);
      n += batch;
      if (!timed) continue;
      uint64_t end = nanoseconds();
      histograms[tid].add(end - start);
      if (end >= until) break;
    }
    done[tid] = n;
  }

  void check(const Ref &r, uint64_t id) {
    if (!r.p) return;
    touch(r);
    const char *want = values->at(id, 0);
    const size_t size = o.value_size, edge = std::min<size_t>(EDGE, size);
    if (r.n != size || memcmp(r.p, want, edge) || memcmp(r.p + size - edge, want + size - edge, edge)) wrong++;
  }

  int read() {
    open();
    read_keys(0, after(4), o.keys, 7, true);  // so that what fits is cached
    for (auto &h : histograms) h = Histogram();
    Mark a = Mark::take();
    const uint64_t until = after(seconds > 0 ? seconds : 3);
    run([&](int tid) { read_keys(tid, until, UINT64_MAX, 1000 + tid, false); });
    Mark b = Mark::take();
    double resident = anonymous_bytes();
    engine->close();
    report(gather(), a, b, resident, 0, {});
    return verdict();
  }

  // From files that are out of the page cache to the first value, then reads that prove the index.
  int open_cold() {
    evict(o.dir);
    malloc_trim(0);
    uint64_t before = anonymous_bytes();
    Mark a = Mark::take();
    open();
    double opened = (nanoseconds() - a.ns) / 1e9;
    read_keys(0, UINT64_MAX, 1, 1000, false);
    Mark b = Mark::take();
    if (accounted_pid) before = 0, a.server = 0;
    double anonymous = double(anonymous_bytes()) - before;
    histograms[0] = Histogram();
    read_keys(0, UINT64_MAX, 2000, 1001, false);
    engine->close();
    report(1, a, b, anonymous, anonymous / o.keys, {{"openSeconds", opened}});
    return verdict();
  }

  int measure() {
    const char *known[] = {"fill", "durable", "read", "overwrite", "open"};
    if (std::find(known, std::end(known), workload) == std::end(known)) die("there is no workload %s", workload.c_str());
    std::string base = o.dir;
    o.dir = base + "/data";
    if (workload == "fill" || workload == "durable") {
      prepare(base, o.dir);
      o.fresh = true;
    } else if (access(o.dir.c_str(), F_OK)) {
      die("%s holds nothing to %s: run --workload fill first", base.c_str(), workload.c_str());
    }
    if (workload == "durable") o.sync = Sync::Each;
    values.reset(new Values(compressible, o.value_size));
    histograms.resize(o.threads);
    done.resize(o.threads);
    engine.reset(make_engine(o.engine));
    if (!engine) die("engine %s is not in this program", o.engine.c_str());
    if (workload == "read") return read();
    if (workload == "open") return open_cold();
    return write();
  }
};

static double number(const std::string &flag, const std::string &text, double least, double most) {
  char *end = nullptr;
  double value = strtod(text.c_str(), &end);
  if (text.empty() || *end || !(value >= least && value <= most)) die("%s is a number from %g to %g, not %s", flag.c_str(), least, most, text.c_str());
  return value;
}

int main(int argc, char **argv) {
  static Bench bench;
  Options &o = bench.o;
  o.keys = 1000000;
  o.value_size = 100;
  for (int i = 1; i < argc; i++) {
    std::string a = argv[i];
    if (a == "--compressible") {
      bench.compressible = true;
      continue;
    }
    if (i + 1 >= argc) die("%s is unknown, or needs a value", a.c_str());
    std::string v = argv[++i];
    if (a == "--engine") o.engine = v;
    else if (a == "--dir") o.dir = v;
    else if (a == "--workload") bench.workload = v;
    else if (a == "--keys") o.keys = number(a, v, 1, 1e12);
    else if (a == "--value-size") o.value_size = number(a, v, 1, 1 << 30);
    else if (a == "--threads") o.threads = number(a, v, 1, 1024);
    else if (a == "--seconds") bench.seconds = number(a, v, 1e-3, 86400);
    else if (a == "--codec") o.codec = v;
    else if (a == "--batch") o.batch = number(a, v, 1, 1 << 20);
    else if (a == "--tune") o.tune = v;
    else die("%s is unknown", a.c_str());
  }
  if (o.engine.empty() || o.dir.empty()) die("--engine and --dir are needed");
  return bench.measure();
}
