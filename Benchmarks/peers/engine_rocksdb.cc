// engine_rocksdb.cc: RocksDB, as "rocksdb", and with values in blob files as "rocksdb-blob".
//
// Default write buffers, bloom filter, block cache 256 MiB, two background jobs. Codec: none or lz4.
// Variants: ""; "cache", a cache of 3 GiB for blocks and blobs; "nowal"; for blobs "gc50".
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <vector>
#include "peerbench.h"
namespace {
struct Rocks : Engine {
  rocksdb::DB *db = nullptr; rocksdb::WriteOptions wo; rocksdb::ReadOptions ro; bool blob; Options o; std::vector<rocksdb::PinnableSlice> ps;
  explicit Rocks(bool b) : blob(b) {}
  void open(const Options &opt) override {
    o = opt; rocksdb::Options c; c.create_if_missing = true; c.max_background_jobs = 2;
    auto comp = o.codec == "lz4" ? rocksdb::kLZ4Compression : rocksdb::kNoCompression; c.compression = comp; c.bottommost_compression = comp;
    rocksdb::BlockBasedTableOptions t; t.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10)); bool big = o.tune == "cache";
    auto cache = rocksdb::NewLRUCache(big ? 3ull << 30 : 256ull << 20); t.block_cache = cache;
    c.table_factory.reset(rocksdb::NewBlockBasedTableFactory(t));
    if (blob) {
      c.enable_blob_files = true; c.min_blob_size = 64; c.blob_compression_type = comp;
      c.enable_blob_garbage_collection = true; c.blob_garbage_collection_age_cutoff = o.tune == "gc50" ? 0.5 : 0.25;
      if (o.tune == "gc50") c.blob_garbage_collection_force_threshold = 0.5;
      if (big) c.blob_cache = cache;
    }
    wo.sync = o.sync == Sync::Each; wo.disableWAL = o.tune == "nowal";
    auto s = rocksdb::DB::Open(c, o.dir, &db); if (!s.ok()) die("rocksdb: %s", s.ToString().c_str());
    ps.resize(o.threads + 1);
  }
  void put(int, const char *k, size_t kn, const char *v, size_t vn) override {
    auto s = db->Put(wo, rocksdb::Slice(k, kn), rocksdb::Slice(v, vn)); if (!s.ok()) die("rocksdb: %s", s.ToString().c_str());
  }
  bool get(int tid, const char *k, size_t kn, Ref *out) override {
    auto &p = ps[tid]; p.Reset(); if (!db->Get(ro, db->DefaultColumnFamily(), rocksdb::Slice(k, kn), &p).ok()) return false;
    *out = {p.data(), p.size()}; return true;
  }
  void sync() override {
    auto s = wo.disableWAL ? db->Flush(rocksdb::FlushOptions()) : db->SyncWAL();
    if (!s.ok()) die("rocksdb: %s", s.ToString().c_str());
  }
  void close() override { ps.clear(); rocksdb::CancelAllBackgroundWork(db, true); db->Close(); delete db; }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "rocksdb" ? new Rocks(false) : n == "rocksdb-blob" ? new Rocks(true) : nullptr; }
