//! A Vulkan adapter's memory, which wgpu does not report.

/// Bytes of the largest memory heap that belongs to the device; none where the adapter is not a Vulkan one.
#[cfg(any(target_os = "linux", target_os = "windows"))]
#[allow(
    unsafe_code,
    reason = "wgpu gives access to the Vulkan handles, and Vulkan queries are foreign functions; both are marked unsafe"
)]
pub(super) fn device_local_bytes(adapter: &wgpu::Adapter) -> Option<u64> {
    /// `VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`.
    const DEVICE_LOCAL: u32 = 1;
    // SAFETY: the handle is only read, and not kept beyond this function.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: instance and physical device come from the same live adapter.
    let memory = unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    let heaps = memory.memory_heaps.iter().take(memory.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

/// Other graphics interfaces report no memory size.
#[cfg(not(any(target_os = "linux", target_os = "windows")))]
pub(super) fn device_local_bytes(_adapter: &wgpu::Adapter) -> Option<u64> {
    None
}
