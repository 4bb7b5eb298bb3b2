// engine_leveldb.cc: LevelDB. Write buffer 64 MiB, bloom filter, block cache 256 MiB.
//
// Codec: none or snappy, its only one. Variants: "" and "cache", a block cache of 3 GiB. The log cannot
// be synced after the fact, so `sync` writes one empty synchronous batch.
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#include <vector>
#include "peerbench.h"
namespace {
struct Level : Engine {
  leveldb::DB *db = nullptr; leveldb::WriteOptions wo; Options o; std::vector<std::string> v; leveldb::Cache *cache = nullptr;
  void open(const Options &opt) override {
    o = opt; leveldb::Options c; c.create_if_missing = true; c.compression = o.codec == "none" ? leveldb::kNoCompression : leveldb::kSnappyCompression;
    c.filter_policy = leveldb::NewBloomFilterPolicy(10); c.block_cache = cache = leveldb::NewLRUCache(o.tune == "cache" ? 3ull << 30 : 256u << 20);
    c.write_buffer_size = 64 << 20; c.max_file_size = 32 << 20;
    wo.sync = o.sync == Sync::Each; auto s = leveldb::DB::Open(c, o.dir, &db); if (!s.ok()) die("leveldb: %s", s.ToString().c_str());
    v.resize(o.threads + 1);
  }
  void put(int, const char *k, size_t kn, const char *p, size_t vn) override { auto s = db->Put(wo, {k, kn}, {p, vn}); if (!s.ok()) die("leveldb: %s", s.ToString().c_str()); }
  bool get(int t, const char *k, size_t kn, Ref *out) override { if (!db->Get(leveldb::ReadOptions(), {k, kn}, &v[t]).ok()) return false; *out = {v[t].data(), v[t].size()}; return true; }
  void sync() override {
    leveldb::WriteBatch b; leveldb::WriteOptions w; w.sync = true;
    auto s = db->Write(w, &b); if (!s.ok()) die("leveldb: %s", s.ToString().c_str());
  }
  void close() override { delete db; delete cache; }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "leveldb" ? new Level : nullptr; }
