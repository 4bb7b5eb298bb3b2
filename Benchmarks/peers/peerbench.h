// peerbench: one workload, many storage engines.
//
// An engine is a subclass of `Engine`, built into a program of its own together with main.cc. The
// driver owns threads, keys, values, times and accounts; an engine only translates put, get, sync and
// close. `put` and `get` are called from `threads` threads at once, each with a number of its own from
// 0 on; `open`, `sync` and `close` from the main thread, alone. An engine that fails calls `die`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

enum class Sync { None, Each };

struct Options {
  std::string engine, dir;
  Sync sync = Sync::None;      // Each: no put returns before its bytes are on the disk
  std::string codec = "none";  // none | lz4 | snappy, where the engine has it
  uint64_t keys = 0;           // distinct keys to expect; some engines size tables by it
  uint32_t value_size = 0;
  int threads = 1;
  bool fresh = false;  // the directory is empty
  int batch = 1;       // depth of a pipeline, where there is one
  std::string tune;    // a variant; the engine's file says which there are
};

// A value that was found; valid until the next get of the same thread.
struct Ref {
  const char *p = nullptr;
  size_t n = 0;
};

struct Engine {
  virtual ~Engine() {}
  virtual void open(const Options &) = 0;
  virtual void put(int tid, const char *k, size_t kn, const char *v, size_t vn) = 0;
  virtual bool get(int tid, const char *k, size_t kn, Ref *out) = 0;
  // Reads `n` keys of `kn` bytes each in one go; returns how many there were.
  virtual size_t get_many(int tid, const char *keys, size_t kn, int n, Ref *out) {
    size_t hit = 0;
    for (int i = 0; i < n; i++) hit += get(tid, keys + i * kn, kn, &out[i]);
    return hit;
  }
  virtual void flush(int tid) { (void)tid; }   // sends what this thread has gathered
  virtual void sync() = 0;                     // puts all that was acknowledged on the disk
  virtual void close() = 0;
  virtual int server_pid() { return 0; }       // the process to account, if it is not this one
  virtual bool pipelined() { return false; }   // whether get_many is the way to read
};

// The engine of that name; null if it is not in this program.
Engine *make_engine(const std::string &name);

// Says what is wrong and ends the program with status 1.
[[noreturn]] void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// Syncs every file below a directory, and the directories.
void fsync_tree(const std::string &dir);
