// engine_lmdb.cc: LMDB, one transaction for each --batch puts (default 1).
//
// Variants: "" and "wm", MDB_WRITEMAP. Without sync MDB_NOSYNC: a crash may then break the whole file, and
// nothing is checksummed, hence out of class. Values are views of the map.
#include <lmdb.h>
#include <string.h>
#include <vector>
#include "peerbench.h"
namespace {
struct Lmdb : Engine {
  MDB_env *env = nullptr; MDB_dbi dbi = 0; Options o; MDB_txn *w = nullptr; int pending = 0; std::vector<MDB_txn *> rd; std::vector<MDB_cursor *> cur;
  void ck(int rc) { if (rc) die("lmdb: %s", mdb_strerror(rc)); }
  void open(const Options &opt) override {
    o = opt; ck(mdb_env_create(&env)); ck(mdb_env_set_mapsize(env, 64ull << 30)); ck(mdb_env_set_maxreaders(env, 64));
    unsigned f = MDB_NOTLS | MDB_NORDAHEAD; if (o.sync == Sync::None) f |= MDB_NOSYNC; if (o.tune == "wm") f |= MDB_WRITEMAP | (o.sync == Sync::None ? MDB_MAPASYNC : 0);
    ck(mdb_env_open(env, o.dir.c_str(), f, 0644)); MDB_txn *t; ck(mdb_txn_begin(env, nullptr, 0, &t)); ck(mdb_dbi_open(t, nullptr, 0, &dbi)); ck(mdb_txn_commit(t));
    rd.resize(o.threads + 1);
  }
  void put(int t, const char *k, size_t kn, const char *v, size_t vn) override {
    MDB_txn *x = w; if (!x) ck(mdb_txn_begin(env, nullptr, 0, &x));
    MDB_val a{kn, (void *)k}, b{vn, (void *)v}; ck(mdb_put(x, dbi, &a, &b, 0));
    if (o.batch > 1 && o.threads == 1) { w = x; if (++pending >= o.batch) flush(t); } else ck(mdb_txn_commit(x));
  }
  void flush(int) override { if (w) { ck(mdb_txn_commit(w)); w = nullptr; pending = 0; } }
  bool get(int t, const char *k, size_t kn, Ref *out) override {
    if (!rd[t]) ck(mdb_txn_begin(env, nullptr, MDB_RDONLY, &rd[t])); else { mdb_txn_reset(rd[t]); ck(mdb_txn_renew(rd[t])); }
    MDB_val a{kn, (void *)k}, b; if (mdb_get(rd[t], dbi, &a, &b)) return false; *out = {(char *)b.mv_data, b.mv_size}; return true;
  }
  void sync() override { ck(mdb_env_sync(env, 1)); }
  void close() override { for (auto t : rd) if (t) mdb_txn_abort(t); mdb_env_close(env); }
};
}  // namespace
Engine *make_engine(const std::string &n) { return n == "lmdb" ? new Lmdb : nullptr; }
