// ServerFigures+Status — what `/status` says, and the names that monitors of memcached look for.
//
// The old names mean what they mean there as far as a store on disk has the like: an item is a key with a
// blob, a set is any write, nothing is ever evicted. Pure.

internal import Cairn
package import CairnText

extension ServerFigures {
    /// The old names with their numbers, in their usual order.
    package var memcachedNumbers: [(name: String, value: UInt64)] {
        let (hits, misses) = (metrics[.readHit], metrics[.readMiss])
        let numbers: [(String, UInt64)] = [
            ("pid", UInt64(max(0, processID))), ("uptime", uptimeNanoseconds / 1_000_000_000),
            ("time", wallNanoseconds / 1_000_000_000), ("pointer_size", 64),
            ("curr_connections", UInt64(max(0, connectionCount))),
            ("total_connections", metrics[.connection]),
            ("cmd_get", hits + misses), ("cmd_set", metrics[.write]),
            ("cmd_delete", metrics[.deleteHit] + metrics[.deleteMiss]),
            ("get_hits", hits), ("get_misses", misses),
            ("delete_hits", metrics[.deleteHit]), ("delete_misses", metrics[.deleteMiss]),
            ("auth_errors", metrics[.unauthenticated] + metrics[.forbidden]),
            ("bytes_read", metrics[.receivedBytes]), ("bytes_written", metrics[.sentBytes]),
            ("threads", UInt64(max(0, loopCount))), ("total_items", metrics[.write]),
            ("evictions", 0),
        ]
        guard let store else { return numbers }
        return numbers + [("curr_items", store.keyCount), ("bytes", store.liveByteCount)]
    }

    /// Writes the fields of an object that is open: the old names, and what they have none for.
    package func writeStatus(_ object: inout JSONWriter) {
        object.name("version")
        object.string(version)
        object.name("ready")
        object.bool(isReady)
        for (name, value) in memcachedNumbers {
            object.name(name)
            object.number(value)
        }
        if let diskFreeByteCount {
            object.name("disk_free_bytes")
            object.number(diskFreeByteCount)
        }
        guard let store else { return }
        object.name("read_only")
        object.bool(store.isReadOnly)
        for (name, value) in Self.numbers(of: store) {
            object.name(name)
            object.number(value)
        }
        object.name("space_amplification")
        object.number(store.spaceAmplification, places: 3)
        object.name("damage")
        object.beginArray()
        for finding in store.damage { object.string(finding) }
        object.endArray()
        object.name("compaction")
        Self.write(store, &object)
        object.name("scrub")
        Self.write(store.scrub, &object)
    }

    private static func write(_ store: Statistics, _ json: inout JSONWriter) {
        json.beginObject()
        json.name("running")
        json.bool(store.isCompacting)
        json.name("done")
        json.number(store.compaction.compactionCount)
        json.name("abandoned")
        json.number(store.compaction.abandonedCount)
        json.name("reclaimed_bytes")
        json.number(store.compaction.reclaimedByteCount)
        json.endObject()
    }

    private static func write(_ scrub: ScrubStatistics, _ json: inout JSONWriter) {
        json.beginObject()
        json.name("running")
        json.bool(scrub.isUnderWay)
        for (name, time) in [("began", scrub.beganAt), ("last_full_pass", scrub.lastFullPass)] {
            guard let time else { continue }
            json.name(name)
            json.string(Units.date(nanoseconds: time.nanosecondsSince1970))
        }
        let numbers = [
            ("done_bytes", scrub.passByteCount), ("total_bytes", scrub.passByteTotal),
            ("last_full_pass_damage", scrub.lastFullPassDamageCount),
            ("bytes", scrub.byteCount), ("damaged_records", scrub.damageCount),
        ]
        for (name, number) in numbers {
            json.name(name)
            json.number(number)
        }
        json.endObject()
    }

    private static func numbers(of store: Statistics) -> [(name: String, value: UInt64)] {
        [
            ("segments", UInt64(store.segmentCount)), ("live_bytes", store.liveByteCount),
            ("expired_bytes", store.expiredByteCount), ("dead_bytes", store.deadByteCount),
            ("segment_bytes", store.logicalByteCount),
            ("index_bytes", UInt64(store.indexByteCount)),
            ("compactions", UInt64(store.compaction.compactionCount)),
        ]
    }
}
